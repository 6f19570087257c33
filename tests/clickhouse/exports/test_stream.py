"""Exports hold every row exactly, in each form, and FOCUS passes its checks."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from focus_data_toolkit.cli import main as focus_toolkit

from spanledger.exceptions import InvalidRequestError
from spanledger_api.amounts import exact_arithmetic
from spanledger_clickhouse.exports import ExportFormat, ExportTable, Selection, count_rows, stream
from tests.clickhouse.repricing.conftest import EVERYTHING, arrive, chat, transcription

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_EXACT = "12345678901234567890123456.123456789012"
_VALIDATOR = Path(__file__).parents[3] / ".cache" / "focus-validator"


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """A ledger with priced, unpriced and very exact records, a step and an execution."""
    arrive(ledger, 1, chat())
    arrive(ledger, 2, transcription(), day=1)
    arrive(ledger, 3, {"cost.service": "fal", "cost.quantity": "1", "cost.unit": "images", "cost.source": "unpriced"})
    arrive(ledger, 4, {"cost.service": "s3", "cost.total_cost": _EXACT, "cost.metadata.key": 'a"b,\nc'})
    arrive(ledger, 5, {"task.type": "t", "step.name": "s", "execution.id": "e"})
    arrive(ledger, 6, {"task.type": "t", "execution.status": "completed", "execution.id": "e"})
    return ledger


def _selection(form: ExportFormat, table: ExportTable = ExportTable.COST_RECORDS, **equal: str) -> Selection:
    return Selection(table, form, EVERYTHING.start, EVERYTHING.end, equal)


def _exported(ledger: Ledger, form: ExportFormat, table: ExportTable = ExportTable.COST_RECORDS, **equal: str) -> bytes:
    return b"".join(stream(ledger, _selection(form, table, **equal)))


def _table(content: bytes) -> Any:  # noqa: ANN401 - Arrow declares no types
    return import_module("pyarrow.parquet").read_table(io.BytesIO(content))


def _rows(form: ExportFormat, content: bytes) -> list[dict[str, Any]]:
    if form is ExportFormat.CSV:
        return list(csv.DictReader(io.StringIO(content.decode())))
    if form is ExportFormat.JSONL:
        return [json.loads(line) for line in content.splitlines()]
    rows: list[dict[str, Any]] = _table(content).to_pylist()
    return rows


def test_each_form_keeps_every_digit(filled: Ledger) -> None:
    """An amount of 38 digits, nanoseconds and awkward text come out as they went in."""
    [row] = csv.DictReader(io.StringIO(_exported(filled, ExportFormat.CSV, service="s3").decode()))
    assert (row["total_cost"], json.loads(row["metadata"])) == (_EXACT, {"key": 'a"b,\nc'})
    assert row["started_at"] == "2026-11-02T00:00:00.123456789Z"

    [line] = _exported(filled, ExportFormat.JSONL, service="s3").splitlines()
    assert f'"total_cost":{_EXACT}'.encode() in line
    assert json.loads(line)["metadata"] == {"key": 'a"b,\nc'}

    table = _table(_exported(filled, ExportFormat.PARQUET, service="s3"))
    assert table.column("total_cost").to_pylist() == [Decimal(_EXACT)]
    assert str(table.schema.field("started_at").type) == "timestamp[ns, tz=UTC]"
    assert table.column("started_at").to_pylist()[0].nanosecond == 789


def test_every_table_in_every_form(filled: Ledger) -> None:
    """Each form has all rows of the table under the same columns, and none outside the window."""
    for table in ExportTable:
        shown = filled.query(f"SELECT * FROM {table} LIMIT 1")[0]  # noqa: S608 - a name of an enumeration
        for form in (ExportFormat.CSV, ExportFormat.JSONL, ExportFormat.PARQUET):
            rows = _rows(form, _exported(filled, form, table))

            assert len(rows) == (4 if table is ExportTable.COST_RECORDS else 1)
            assert len(rows) == count_rows(filled, _selection(form, table))
            assert list(rows[0]) == [name for name in shown if name != "duration_ns"]


def test_an_empty_selection_is_a_valid_file(filled: Ledger) -> None:
    """Nothing selected: a heading, no lines, or a Parquet file without rows."""
    assert _exported(filled, ExportFormat.CSV, service="none").count(b"\n") == 1
    assert _exported(filled, ExportFormat.JSONL, service="none") == b""
    assert _table(_exported(filled, ExportFormat.PARQUET, service="none")).num_rows == 0


def test_a_wrong_selection_is_refused() -> None:
    """FOCUS of steps, an empty window and a column that is not there are named."""
    with pytest.raises(InvalidRequestError, match="FOCUS"):
        _selection(ExportFormat.FOCUS_1_4, ExportTable.TASK_EXECUTIONS)
    with pytest.raises(InvalidRequestError, match="half-open"):
        Selection(ExportTable.COST_RECORDS, ExportFormat.CSV, 5, 5)
    with pytest.raises(InvalidRequestError, match="no column service"):
        _selection(ExportFormat.CSV, ExportTable.TASK_EXECUTIONS, service="s3")


def test_focus_costs_add_up(filled: Ledger) -> None:
    """Every record is a row, its costs are its amount, and a list price is stated only where it makes that amount."""
    rows = list(csv.DictReader(io.StringIO(_exported(filled, ExportFormat.FOCUS_1_4).decode())))

    [total] = filled.query("SELECT sum(toDecimal256(total_cost, 12)) AS total FROM cost_records")
    with exact_arithmetic():
        assert sum(Decimal(row["BilledCost"]) for row in rows) == total["total"]
    priced = [row for row in rows if row["ListUnitPrice"]]
    assert {row["ServiceName"] for row in priced} == {"openai", "whisper"}
    for row in priced:
        assert Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"]) == Decimal(row["ListCost"])


def test_focus_1_4_passes_the_linter(filled: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A linter of the 1.4 model, which is no conformance check, finds nothing."""
    file = tmp_path / "focus.csv"
    file.write_bytes(_exported(filled, ExportFormat.FOCUS_1_4))

    assert focus_toolkit(["validate", "--dataset", "cost-and-usage", str(file)]) == 0, capsys.readouterr().out
    file.write_bytes(file.read_bytes().replace(b"Usage-Based", b"Now and then"))
    assert focus_toolkit(["validate", "--dataset", "cost-and-usage", str(file)]) == 1


def test_focus_1_2_passes_the_official_validator(filled: Ledger, tmp_path: Path) -> None:
    """The FinOps Foundation's validator only misses InvoiceId, which is recommended and which a ledger cannot know."""
    program = _VALIDATOR / "bin" / "focus-validator"
    if not program.exists():
        pytest.skip("no focus-validator; tests/clickhouse/exports/validator_environment.py makes it with Python 3.12+")
    file = tmp_path / "focus.csv"
    file.write_bytes(_exported(filled, ExportFormat.FOCUS_1_2))
    [packages] = (_VALIDATOR / "lib").glob("python3*/site-packages")

    told = subprocess.run(
        [program, "--data-file", file, "--validate-version", "1.2.0.1", "--block-download"],
        check=False,
        capture_output=True,
        text=True,
        cwd=packages,  # it opens its list of currencies by a relative path
    )

    results = [line.split(": ")[0].split(" ")[-1] for line in told.stdout.splitlines() if ": FAIL" in line]
    assert ": PASS" in told.stdout, told.stderr
    assert {name for name in results if not name.startswith("InvoiceId-")} <= {"CostAndUsage-D-033-O"}


def test_an_export_is_given_out_while_it_is_read(ledger: Ledger) -> None:
    """Many rows come in many pieces, each of them once, and nothing near the whole is ever in one."""
    ledger.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, Duration, SpanAttributes) SELECT "
        "fromUnixTimestamp64Nano({start:Int64} + intDiv(number, 20000) * 3600000000000, 'UTC'), "
        "lower(leftPad(hex(number), 32, '0')), lower(leftPad(hex(number), 16, '0')), 'call', 1, "
        "map('cost.service', 's3', 'cost.total_cost', '0.5') FROM numbers(1, 60000)",
        {"start": EVERYTHING.start},
    )
    for form in (ExportFormat.JSONL, ExportFormat.PARQUET):
        told: list[int] = []

        pieces = list(stream(ledger, _selection(form), told.append))

        content = b"".join(pieces)
        spans = _table(content)["span_id"].unique() if form is ExportFormat.PARQUET else _spans(content)
        assert len(pieces) > 2, form
        assert max(map(len, pieces)) < len(content)
        assert (sum(told), len(spans)) == (60_000, 60_000)


def _spans(lines: bytes) -> set[bytes]:
    return {line.partition(b'"span_id":')[2] for line in lines.splitlines()}
