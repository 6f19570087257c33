"""Both ways into ``otel_traces`` write the same: Spanledger's receiver and the OpenTelemetry Collector's exporter.

``exporter_rows.jsonl`` is what the exporter wrote of :func:`every_value`. It is taken anew, whenever the collector's
version changes, by running this file with ``SPANLEDGER_RECORD=1`` and the collector built.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from spanledger_collector.frames import frame
from spanledger_collector.nested_values import register_functions
from spanledger_collector.rows import COLUMNS, READ_SETTINGS, select_rows
from tests.collector.otelcol.every_value import every_value

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger
    from tests.collector.otelcol.clickhouse_port import ClickHousePort
    from tests.collector.otelcol.conftest import Otelcol

_RECORDED = Path(__file__).with_name("exporter_rows.jsonl")


def _lines(ledger: Ledger) -> list[bytes]:
    """Every row that was exported, in the order of the spans' names, as text, which shows the order in maps too."""
    with ledger.borrow() as client:
        return client.raw_query("SELECT * FROM exported ORDER BY SpanName", fmt="JSONEachRow").splitlines()


def test_our_rows_are_those_of_the_exporter(ledger: Ledger, clickhouse: ClickHousePort, tmp_path: Path) -> None:
    """Of every kind of value a segment gives the 22 columns that the real exporter was seen to write."""
    segment = tmp_path / "every.segment"
    segment.write_bytes(frame(every_value().SerializeToString()))
    register_functions()
    columns = ", ".join(f"`{column}`" for column in COLUMNS)
    with ledger.borrow() as client:
        statement = f"INSERT INTO {clickhouse.table} ({columns}) {select_rows(str(segment))}"
        client.command(statement, settings=READ_SETTINGS)

    assert _lines(ledger) == _RECORDED.read_bytes().splitlines()


def test_the_exporter_still_writes_what_was_recorded(
    ledger: Ledger, clickhouse: ClickHousePort, otelcol: Otelcol
) -> None:
    """The built collector, with the configuration of this repository, writes the recorded rows in one insert."""
    with otelcol.running("otel-collector.yaml", SPANLEDGER_CLICKHOUSE_ENDPOINT=clickhouse.url):
        assert otelcol.send(every_value().SerializeToString()).status_code == 200
        assert clickhouse.wait_for_inserts(1), otelcol.log()

    written = _lines(ledger)
    if os.environ.get("SPANLEDGER_RECORD") == "1":
        _RECORDED.write_bytes(b"".join(line + b"\n" for line in written))
    assert len(clickhouse.inserts()) == 1
    assert written == _RECORDED.read_bytes().splitlines()
