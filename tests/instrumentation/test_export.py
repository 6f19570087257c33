"""Pricing on the way out, and what happens to spans when it, or the exporter behind, fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import spanledger
from spanledger.batching import BatchQueue
from spanledger.conventions import OPENAI_PROVIDERS, read_foreign_call
from spanledger.export import PricingExporter
from spanledger.guard import losses
from spanledger.pricing import Calculator, Charge, PriceBook, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.instrumentation.recorder import Recorder

TRACER = trace.get_tracer("test")
CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 500,
}


class BrokenCalculator(Calculator):
    """A calculator with a defect."""

    def charge(self, usage: Usage, at: object) -> Charge:
        """Raise."""
        raise ZeroDivisionError(usage.service, at)


class BrokenExporter(SpanExporter):
    """An exporter that raises, or that fails."""

    def __init__(self, *, raises: bool) -> None:
        self._raises = raises

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Fail."""
        if self._raises:
            raise OSError(len(spans))
        return SpanExportResult.FAILURE


def emit(name: str = "call", **attributes: Any) -> None:  # noqa: ANN401 - any attribute value
    """Emit one span with attributes whose dots are written as double underscores."""
    TRACER.start_span(name, attributes={key.replace("__", "."): value for key, value in attributes.items()}).end()


def test_own_meters_are_priced_and_shown_in_the_rows_unit(recorder: Recorder) -> None:
    """One GiB of S3 is 1,024 MB and costs 0.01."""
    emit(cost__service="s3", cost__operation="upload", cost__usage__bytes=1024**3)

    record = recorder.cost()
    assert record["cost.total_cost"] == "0.01"
    assert (record["cost.quantity"], record["cost.unit"], record["cost.currency"]) == ("1024", "MB", "USD")
    assert (record["cost.source"], record["cost.price_id"]) == ("price_book", "s3/2006-03-14")


def test_a_stated_unit_cost_needs_no_price_row(recorder: Recorder) -> None:
    """Quantity times unit cost, as the vendor says."""
    emit(cost__service="vendor", cost__quantity="2", cost__unit="calls", cost__unit_cost=0.25, cost__currency="EUR")

    record = recorder.cost()
    assert (record["cost.total_cost"], record["cost.source"], record["cost.currency"]) == ("0.5", "provider", "EUR")


def test_a_stated_total_is_left_alone(recorder: Recorder) -> None:
    """The span leaves as it came."""
    emit(cost__service="openai", cost__total_cost=1.5, cost__usage__input_tokens=1000)

    assert recorder.cost() == {
        "cost.service": "openai",
        "cost.total_cost": 1.5,
        "cost.usage.input_tokens": 1000,
    }


@pytest.mark.parametrize(
    "stated",
    [{}, {"cost__quantity": "nan", "cost__unit": "GB"}, {"cost__usage__bytes": -1}, {"cost__usage__furlongs": 1}],
)
def test_what_cannot_be_priced_says_so(recorder: Recorder, stated: dict[str, Any]) -> None:
    """A record without usable usage is unpriced, with the reason."""
    emit(cost__service="s3", **stated)

    record = recorder.cost()
    assert record["cost.source"] == "unpriced"
    assert record["cost.reason"]
    assert "cost.total_cost" not in record


def test_a_model_call_is_charged_under_its_prompt(recorder: Recorder) -> None:
    """Tokens by the GenAI conventions become an openai record with the prompt in operation and metadata."""
    with spanledger.prompt("video_selection", "segment_select"):
        emit(**CHAT)

    record = recorder.cost()
    assert record["cost.service"] == "openai"
    assert record["cost.operation"] == "gpt-4_video_selection_segment_select"
    assert (record["cost.total_cost"], record["cost.quantity"], record["cost.unit"]) == ("0.06", "1500", "tokens")
    assert record["cost.unit_cost"] == "0.00004"
    assert record["cost.metadata.prompt_category"] == "video_selection"
    assert record["cost.metadata.prompt_name"] == "segment_select"
    assert record["cost.metadata.prompt_tokens"] == "1000"
    assert record["cost.metadata.completion_tokens"] == "500"


def test_an_agent_that_repeats_its_calls_usage_is_not_charged(recorder: Recorder) -> None:
    """Only the model call itself costs something."""
    emit(**CHAT | {"gen_ai.operation.name": "invoke_agent"})

    assert recorder.costs() == []


def test_another_provider_is_a_service_of_its_own(recorder: Recorder) -> None:
    """What Anthropic is paid is not booked under OpenAI."""
    emit(**CHAT | {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-3-5-sonnet-20241022"})

    record = recorder.cost()
    assert (record["cost.service"], record["cost.source"]) == ("anthropic", "price_book")


@pytest.mark.parametrize("provider", sorted(OPENAI_PROVIDERS))
def test_openai_by_any_name_is_one_service(provider: str, recorder: Recorder) -> None:
    """Its own name and those of Azure, as the ledger reads them too."""
    emit(**CHAT | {"gen_ai.provider.name": provider})
    foreign = read_foreign_call({"gen_ai.provider.name": provider, "gen_ai.usage.input_tokens": "1000"})

    record = recorder.cost()
    assert foreign is not None
    assert (record["cost.service"], foreign.usage.service) == ("openai", "openai")
    assert record["cost.total_cost"] == "0.06"


def test_a_failed_call_costs_only_what_it_used(recorder: Recorder) -> None:
    """Without tokens there is no record; with tokens there is."""
    for extra in ({}, {"gen_ai.usage.input_tokens": 1000}):
        span = TRACER.start_span(
            "call", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4", **extra}
        )
        span.set_status(StatusCode.ERROR)
        span.end()

    assert recorder.cost()["cost.total_cost"] == "0.03"


def test_a_success_without_usage_is_unpriced(recorder: Recorder) -> None:
    """A stream that did not ask for usage is a record without an amount, not a gap."""
    emit(**{key: value for key, value in CHAT.items() if "usage" not in key})

    record = recorder.cost()
    assert (record["cost.service"], record["cost.source"]) == ("openai", "unpriced")
    assert "usage" in str(record["cost.reason"])


def test_a_defect_in_pricing_leaves_an_unpriced_record() -> None:
    """The span goes out with everything it had, and the failure is counted."""
    behind = InMemorySpanExporter()
    before = losses().get("pricing", 0)
    exporter = PricingExporter(behind, BrokenCalculator(PriceBook.built_in()))

    assert exporter.export([_ended(CHAT), _ended({"plain": 1})]) is SpanExportResult.SUCCESS

    priced, plain = behind.get_finished_spans()
    assert priced.attributes is not None
    assert priced.attributes["cost.service"] == "openai"
    assert priced.attributes["cost.source"] == "unpriced"
    assert dict(plain.attributes or {}) == {"plain": 1}
    assert losses()["pricing"] == before + 1


@pytest.mark.parametrize("raises", [True, False])
def test_what_the_exporter_behind_does_not_take_is_counted(*, raises: bool) -> None:
    """A failed delivery is a FAILURE, never an exception, and every span of it is counted as lost."""
    before = losses().get("export", 0)
    exporter = PricingExporter(BrokenExporter(raises=raises), Calculator(PriceBook.built_in()))

    assert exporter.export([_ended({}), _ended({})]) is SpanExportResult.FAILURE
    assert exporter.lost == 2
    assert losses()["export"] == before + 2


def test_a_process_that_ends_does_not_wait_for_ever() -> None:
    """After the time to give up no delivery is begun."""
    behind = InMemorySpanExporter()
    exporter = PricingExporter(behind, Calculator(PriceBook.built_in()))
    exporter.give_up_in(0)

    assert exporter.export([_ended({})]) is SpanExportResult.FAILURE
    assert behind.get_finished_spans() == ()


def test_a_queue_that_closes_gives_its_exporter_up_in_time() -> None:
    """Closing delivers what is queued, but begins nothing after the time it was given."""
    for seconds, delivered in ((5.0, 1), (0.0, 0)):
        behind = InMemorySpanExporter()
        exporter = PricingExporter(behind, Calculator(PriceBook.built_in()))
        queue = BatchQueue(exporter)
        queue.put(_ended({}))
        queue.close(seconds)

        assert len(behind.get_finished_spans()) == delivered
        assert exporter.lost == 1 - delivered


def test_undecodable_text_does_not_sink_the_batch(recorder: Recorder) -> None:
    """Name and status of any span are made encodable; the OTLP encoder would refuse the whole batch otherwise."""
    span = TRACER.start_span("name \udc80")
    span.set_status(StatusCode.ERROR, "status \udc80")
    span.end()

    assert recorder.span("name ?").status.description == "status ?"


def test_a_priced_span_is_otherwise_the_same(recorder: Recorder) -> None:
    """Identity, times, kind, events and links survive the pricing, and so do the counts of what was dropped."""
    link = trace.Link(TRACER.start_span("linked").get_span_context())
    span = TRACER.start_span("call", attributes=CHAT, links=[link], kind=trace.SpanKind.CLIENT)
    for number in range(200):
        span.add_event(f"event {number}")
    span.end()

    priced = recorder.span("call")
    assert priced.context == span.get_span_context()
    assert priced.kind is trace.SpanKind.CLIENT
    assert [found.context for found in priced.links] == [link.context]
    assert (len(priced.events), priced.dropped_events) == (128, 72)
    assert priced.instrumentation_scope is not None
    assert priced.instrumentation_scope.name == "test"
    assert priced.resource.attributes["service.name"]


def _ended(attributes: dict[str, Any]) -> ReadableSpan:
    behind = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(behind))
    provider.get_tracer("test").start_span("call", attributes=attributes).end()
    (span,) = behind.get_finished_spans()
    return span
