"""The real collector in front of the ledger: nothing acknowledged is lost, and nothing is counted twice."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.collector.otelcol.clickhouse_port import ClickHousePort
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger
    from tests.collector.conftest import RunningCollector
    from tests.collector.otelcol.conftest import Otelcol

_CONFIGURATION = "otel-collector.yaml"
_TABLE = "otel_traces"
_NOBODY = "http://127.0.0.1:1"


def _wait_for(ledger: Ledger, records: int) -> object:
    """The ledger's total once it has so many records."""
    deadline = time.monotonic() + 20
    while True:
        [row] = ledger.query("SELECT count() AS records, sum(total_cost) AS total FROM cost_records")
        if row["records"] == records:
            return row["total"]
        assert time.monotonic() < deadline, f"{row['records']} of {records} records"
        time.sleep(0.02)


def test_what_was_acknowledged_survives_a_kill(ledger: Ledger, otelcol: Otelcol) -> None:
    """Spans taken while ClickHouse is away are on disk: the next process delivers them after kill -9."""
    with otelcol.running(_CONFIGURATION, SPANLEDGER_CLICKHOUSE_ENDPOINT=_NOBODY) as process:
        for _ in range(20):
            assert otelcol.send(request_of(paid("0.01"), paid("0.02")).SerializeToString()).status_code == 200
        process.kill()

    with (
        ClickHousePort(ledger, _TABLE) as port,
        otelcol.running(_CONFIGURATION, SPANLEDGER_CLICKHOUSE_ENDPOINT=port.url),
    ):
        assert _wait_for(ledger, 40) == Decimal("0.6")


def test_an_insert_whose_answer_was_lost_counts_once(ledger: Ledger, otelcol: Otelcol) -> None:
    """An insert that is loaded but answered with an error is sent again, and changes neither spans nor records."""
    with (
        ClickHousePort(ledger, _TABLE, answers_lost=1) as port,
        otelcol.running(_CONFIGURATION, SPANLEDGER_CLICKHOUSE_ENDPOINT=port.url),
    ):
        assert otelcol.send(request_of(paid("0.1"), paid("0.2")).SerializeToString()).status_code == 200
        assert port.wait_for_inserts(2), otelcol.log()

    assert _wait_for(ledger, 2) == Decimal("0.3")
    assert ledger.query("SELECT count() AS spans FROM otel_traces") == [{"spans": 2}]


def test_keys_are_asked_for_and_prompts_kept_out(ledger: Ledger, otelcol: Otelcol) -> None:
    """With both overlays nothing is taken without the key, and of what is taken the texts of prompts are left out."""
    said = {"gen_ai.input.messages": "secret", "input.value": "secret", "gen_ai.request.model": "gpt-4"}
    body = request_of(paid("0.5", **said)).SerializeToString()
    overlays = ("collector/keys.yaml", "collector/redact.yaml")
    given = {"SPANLEDGER_INGEST_KEY": "right"}
    with (
        ClickHousePort(ledger, _TABLE) as port,
        otelcol.running(_CONFIGURATION, *overlays, SPANLEDGER_CLICKHOUSE_ENDPOINT=port.url, **given),
    ):
        assert otelcol.send(body).status_code == 401
        assert otelcol.send(body, authorization="Bearer wrong").status_code == 401
        assert otelcol.send(body, authorization="Bearer right").status_code == 200
        assert port.wait_for_inserts(1), otelcol.log()
        assert _wait_for(ledger, 1) == Decimal("0.5")
    [row] = ledger.query("SELECT mapKeys(SpanAttributes) AS kept FROM otel_traces")
    assert row["kept"] == ["cost.operation", "cost.service", "cost.total_cost", "gen_ai.request.model", "user.id"]


def test_only_spans_of_the_ledger_pass_its_filter(ledger: Ledger, otelcol: Otelcol) -> None:
    """With collector/ledger-only.yaml paid spans, steps, executions and token usage are kept, and nothing else is."""
    kept: list[Mapping[str, str | int | float | bool]] = [
        paid("0.5"),
        {"step.name": "s", "task.type": "t"},
        {"execution.status": "completed", "execution.id": "e"},
        {"gen_ai.usage.input_tokens": 5},
        {"llm.token_count.total": 5},
    ]
    body = request_of(*kept, {"http.route": "/"}, {}).SerializeToString()
    with (
        ClickHousePort(ledger, _TABLE) as port,
        otelcol.running(_CONFIGURATION, "collector/ledger-only.yaml", SPANLEDGER_CLICKHOUSE_ENDPOINT=port.url),
    ):
        assert otelcol.send(body).status_code == 200
        assert port.wait_for_inserts(1), otelcol.log()

    assert ledger.query("SELECT count() AS spans FROM otel_traces") == [{"spans": len(kept)}]


def test_an_agent_passes_on_to_our_own_receiver(collector: RunningCollector, otelcol: Otelcol) -> None:
    """The agent's requests, compressed and with its key, are taken by Spanledger's receiver as they are."""
    with otelcol.running("collector/agent.yaml", SPANLEDGER_GATEWAY=collector.url):
        assert otelcol.send(request_of(paid("0.1"), paid("0.2")).SerializeToString()).status_code == 200
        assert _wait_for(collector.ledger, 2) == Decimal("0.3")
