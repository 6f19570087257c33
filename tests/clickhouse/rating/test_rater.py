"""Spans of other instrumentations become exact cost records, each call once."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger.pricing import Calculator, PriceBook
from spanledger_clickhouse.rating import Rater
from spanledger_clickhouse.rating import rater as rating
from tests.statements import statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger

_TRACE = "00112233445566778899aabbccddeeff"
_TOKENS = {"gen_ai.usage.input_tokens": "1000", "gen_ai.usage.output_tokens": "500", "gen_ai.request.model": "gpt-4"}


@pytest.fixture
def rater(ledger: Ledger) -> Rater:
    """A rater that has seen nothing yet."""
    return Rater(ledger, Calculator(PriceBook.built_in()))


def _arrive(ledger: Ledger, number: int, attributes: Mapping[str, str], parent: int = 0, trace: str = _TRACE) -> None:
    ledger.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, Duration, SpanAttributes) SELECT "
        "toDateTime64('2026-11-22 01:02:03.123456789', 9), {trace:String}, {span:String}, {parent:String}, 'call', "
        "2000000, JSONExtract({attributes:String}, 'Map(String, String)')",
        {
            "trace": trace,
            "span": f"{number:016x}",
            "parent": f"{parent:016x}" if parent else "",
            "attributes": json.dumps(dict(attributes)),
        },
    )


def _records(ledger: Ledger) -> list[dict[str, object]]:
    return ledger.query("SELECT * FROM cost_records ORDER BY span_id")


@pytest.mark.parametrize(
    ("attributes", "service", "operation", "total", "source"),
    [
        (_TOKENS | {"gen_ai.operation.name": "chat"}, "openai", "gpt-4_chat", "0.06", "price_book"),
        (
            {
                "llm.model_name": "gpt-3.5-turbo",
                "llm.token_count.prompt": "1000",
                "llm.token_count.completion": "500",
                "openinference.span.kind": "LLM",
            },
            "openai",
            "gpt-3.5-turbo_llm",
            "0.0025",
            "price_book",
        ),
        (
            {
                "gen_ai.system": "openai",
                "gen_ai.request.model": "gpt-4",
                "gen_ai.usage.prompt_tokens": "1000",
                "gen_ai.usage.completion_tokens": "500",
                "traceloop.prompt.key": "segment_select",
            },
            "openai",
            "gpt-4_segment_select",
            "0.06",
            "price_book",
        ),
        (
            {"gen_ai.request.model": "whisper-1", "gen_ai.usage.raw": '{"type":"duration","seconds":90}'},
            "whisper",
            "whisper-1",
            "0.009",
            "price_book",
        ),
        (_TOKENS | {"gen_ai.usage.cost": "0.0123"}, "openai", "gpt-4", "0.0123", "provider"),
        (_TOKENS | {"operation.cost": "0"}, "openai", "gpt-4", "0", "provider"),
        (
            {"cost.service": "whisper", "cost.operation": "stt", "cost.quantity": "1.5", "cost.unit": "minutes"},
            "whisper",
            "stt",
            "0.009",
            "price_book",
        ),
        (
            {"gen_ai.request.model": "made-up", "gen_ai.usage.input_tokens": "1000"},
            "openai",
            "made-up",
            "0.03",
            "fallback",
        ),
    ],
)
def test_each_convention_is_priced(  # noqa: PLR0913, PLR0917 - one argument a column of the table above
    ledger: Ledger, rater: Rater, attributes: dict[str, str], service: str, operation: str, total: str, source: str
) -> None:
    """A span of each convention becomes one record; a stated cost wins, 0 included."""
    _arrive(ledger, 1, attributes | {"user.id": "user-123", "execution.id": "execution-1"})
    rater.rate_pending()

    [record] = _records(ledger)
    assert (record["service"], record["operation"], record["source"]) == (service, operation, source)
    assert record["total_cost"] == Decimal(total)
    assert (record["user_id"], record["execution_id"], record["duration"]) == ("user-123", "execution-1", 2.0)
    [exact] = ledger.query("SELECT toString(started_at) AS at FROM cost_records_local FINAL")
    assert exact["at"] == "2026-11-22 01:02:03.123456789"


def test_what_was_decided_is_not_decided_again(ledger: Ledger, rater: Rater) -> None:
    """A pass without news writes nothing, and a new rater changes no total."""
    _arrive(ledger, 1, _TOKENS)
    assert rater.rate_pending() == 1
    assert rater.rate_pending() == 0

    Rater(ledger, Calculator(PriceBook.built_in())).rate_pending()

    assert [record["total_cost"] for record in _records(ledger)] == [Decimal("0.06")]


def test_a_price_that_could_not_be_written_is_decided_again(
    ledger: Ledger, rater: Rater, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that was full for one pass leaves no call without a price."""
    _arrive(ledger, 1, _TOKENS)

    def fail(*_arguments: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as full:
        full.setattr(ledger, "command", fail)
        with pytest.raises(DatabaseError):
            rater.rate_pending()

    assert rater.rate_pending() == 1
    assert [record["total_cost"] for record in _records(ledger)] == [Decimal("0.06")]


def test_a_span_delivered_again_keeps_its_price(ledger: Ledger, rater: Rater) -> None:
    """A repeat neither doubles the record nor takes its price away, also where it first arrived as unpriced."""
    quantity = {"cost.service": "whisper", "cost.quantity": "1.5", "cost.unit": "minutes"}
    for _ in range(2):
        _arrive(ledger, 1, _TOKENS)
        _arrive(ledger, 2, quantity)
        rater.rate_pending()
    _arrive(ledger, 2, quantity)

    assert [record["total_cost"] for record in _records(ledger)] == [Decimal("0.06"), Decimal("0.009")]


def test_a_parent_that_repeats_its_children_never_counts(ledger: Ledger, rater: Rater) -> None:
    """Whatever arrives first, the total of a trace is that of its calls once it is whole."""
    _arrive(ledger, 1, _TOKENS | {"gen_ai.operation.name": "invoke_agent"})
    rater.rate_pending()
    assert [record["total_cost"] for record in _records(ledger)] == [Decimal("0.06")]

    _arrive(ledger, 2, {"tool": "yes"}, parent=1)
    _arrive(ledger, 3, _TOKENS, parent=2)
    rater.rate_pending()

    assert [(record["span_id"], record["total_cost"]) for record in _records(ledger)] == [
        (f"{3:016x}", Decimal("0.06"))
    ]


def test_an_engines_own_record_beats_a_second_description(ledger: Ledger, rater: Rater) -> None:
    """A call that an engine priced and another instrumentation saw too is one record, the engine's."""
    answer = {"gen_ai.response.id": "chatcmpl-1"}
    _arrive(ledger, 1, _TOKENS | answer | {"cost.service": "openai", "cost.total_cost": "0.06"})
    _arrive(ledger, 2, _TOKENS | answer)
    rater.rate_pending()

    assert [(record["span_id"], record["total_cost"]) for record in _records(ledger)] == [
        (f"{1:016x}", Decimal("0.06"))
    ]


@pytest.mark.parametrize("first", [1, 2])
def test_two_traces_of_one_answer_are_one_record(ledger: Ledger, rater: Rater, first: int) -> None:
    """Two instrumentations that begin a trace each around one call are one record, whichever arrives first."""
    answer = {"gen_ai.response.id": "resp-1"}
    spans = {1: _TOKENS | answer, 2: _TOKENS | answer | {"gen_ai.usage.reasoning_tokens": "0"}}
    for number in (first, 3 - first):
        _arrive(ledger, number, spans[number], trace=f"{number:032x}")
        rater.rate_pending()

    assert [(record["span_id"], record["total_cost"]) for record in _records(ledger)] == [
        (f"{2:016x}", Decimal("0.06"))
    ]


def test_a_second_description_of_a_priced_call_without_answer_does_not_count(ledger: Ledger, rater: Rater) -> None:
    """Embeddings have no answer's identifier; a second instrumentation inside the engine's span is still no call."""
    usage = {"llm.token_count.prompt": "1000", "embedding.model_name": "text-embedding-3-small"}
    _arrive(ledger, 1, {"cost.service": "openai", "cost.total_cost": "0.00002", "cost.source": "price_book"})
    _arrive(ledger, 2, usage, parent=1)
    rater.rate_pending()

    assert [record["span_id"] for record in _records(ledger)] == [f"{1:016x}"]


def test_usage_that_makes_no_sense_is_unpriced(ledger: Ledger, rater: Rater) -> None:
    """A part larger than its whole is recorded with a reason, never as 0 without one."""
    _arrive(ledger, 1, _TOKENS | {"gen_ai.usage.cache_read.input_tokens": "2000"})
    rater.rate_pending()

    [record] = _records(ledger)
    assert record["source"] == "unpriced"
    assert "2000" in str(record["reason"])


@pytest.mark.parametrize(
    ("said", "total", "source"),
    [
        ({"openai.response.service_tier": "flex"}, "0.03", "price_book"),
        ({"gen_ai.openai.response.service_tier": "flex"}, "0.03", "price_book"),
        ({"openai.request.service_tier": "flex"}, "0.03", "price_book"),
        ({"gen_ai.openai.request.service_tier": "flex"}, "0.03", "price_book"),
        ({"openai.request.service_tier": "flex", "openai.response.service_tier": "default"}, "0.06", "price_book"),
        ({"openai.request.service_tier": "auto"}, "0.06", "price_book"),
        ({"openai.response.service_tier": "gold"}, "0.06", "fallback"),
    ],
)
def test_the_service_tier_of_another_instrumentation_counts(
    ledger: Ledger, rater: Rater, said: dict[str, str], total: str, source: str
) -> None:
    """The tier that served the call decides its price, else the one that was asked for."""
    _arrive(ledger, 1, _TOKENS | said)
    rater.rate_pending()

    [record] = _records(ledger)
    assert (record["total_cost"], record["source"]) == (Decimal(total), source)


def test_a_price_that_is_told_elsewhere_later_takes_the_record_away(
    ledger: Ledger, rater: Rater, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine's own record of a call counts also where it arrives in another trace after the other was decided."""
    monkeypatch.setattr(rating, "_LONG_LOOK_PAUSE", timedelta(0))
    answer = {"gen_ai.response.id": "chatcmpl-1"}
    _arrive(ledger, 1, _TOKENS | answer)
    assert rater.rate_pending() == 1
    assert rater.rate_pending() == 0

    _arrive(ledger, 2, {**answer, "cost.service": "openai", "cost.total_cost": "0.06"}, trace=f"{2:032x}")
    rater.rate_pending()

    assert [record["span_id"] for record in _records(ledger)] == [f"{2:016x}"]


def test_while_nothing_arrives_nothing_is_read(ledger: Ledger, rater: Rater) -> None:
    """A pass after which no span came asks for none, and what comes then is decided at once."""
    _arrive(ledger, 1, _TOKENS)
    rater.rate_pending()
    with statements() as asked:
        assert rater.rate_pending() == 0
    assert asked == []

    _arrive(ledger, 2, _TOKENS)

    assert rater.rate_pending() > 0
    assert len(_records(ledger)) == 2
