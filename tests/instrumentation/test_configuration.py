"""Setting an engine up: provider, exporter, prices, and doing it twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanledger
from spanledger.exceptions import ConfigurationError, PriceBookError
from spanledger.guard import losses
from spanledger.ids import UnseededIds
from spanledger.otlp import courier_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.instrumentation.loopback import Loopback
    from tests.instrumentation.recorder import Recorder

TRACER = trace.get_tracer("test")


NO_CLIENTS = "import sys; sys.modules.update(openai=None, botocore=None)\n"
"""Neither is needed here, and importing both takes seconds."""


def run(program: str, **variables: str) -> str:
    """Output of a fresh interpreter with some environment variables and no client installed."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", NO_CLIENTS + program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    ).stdout


def test_a_second_configuration_changes_nothing(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    """It warns, and spans go where they went, once."""
    other = InMemorySpanExporter()
    spanledger.configure("another", exporter=other)
    TRACER.start_span("once").end()

    assert recorder.span("once").name == "once"
    assert other.get_finished_spans() == ()
    assert "configured already" in caplog.text


def test_after_shutdown_an_engine_can_be_configured_anew(recorder: Recorder) -> None:
    """Spans go to the new exporter only; what ends in between is counted as lost."""
    spanledger.shutdown()
    before = losses().get("shutdown", 0)
    TRACER.start_span("between").end()
    second = InMemorySpanExporter()
    spanledger.configure(exporter=second)
    TRACER.start_span("after").end()

    assert spanledger.flush()
    assert [span.name for span in second.get_finished_spans()] == ["after"]
    assert recorder.exporter.get_finished_spans() == ()
    assert losses()["shutdown"] == before + 1


def test_reseeding_random_repeats_no_id(recorder: Recorder) -> None:
    """An engine that seeds the global generator still gets ids of its own for every span."""
    for _ in range(3):
        random.seed(7)
        TRACER.start_span("seeded").end()

    contexts = [span.context for span in recorder.spans() if span.context]
    assert len({context.trace_id for context in contexts}) == 3
    assert len({context.span_id for context in contexts}) == 3


def test_a_span_with_many_attributes_keeps_its_identity(recorder: Recorder) -> None:
    """The identity is the oldest of its attributes, and the SDK would drop the oldest beyond 128."""
    with spanledger.execution("task", user_id="user-1"):
        span = TRACER.start_span("wide")
        span.set_attributes({f"key-{number}": number for number in range(500)})
        span.end()

    assert recorder.attributes("wide")["user.id"] == "user-1"


def test_ids_leave_the_engines_random_numbers_alone() -> None:
    """Drawing ids draws nothing from the global generator, and the ids are never 0."""
    random.seed(7)
    expected = random.random()  # noqa: S311 - no secret
    random.seed(7)
    ids = UnseededIds()

    assert ids.generate_trace_id()
    assert ids.generate_span_id()
    assert ids.is_trace_id_random()
    assert random.random() == expected  # noqa: S311 - no secret


@pytest.mark.usefixtures("recorder")
def test_own_prices_come_before_the_built_in_ones(tmp_path: Path) -> None:
    """A file with a row for S3 reprices S3."""
    spanledger.shutdown()
    exporter = InMemorySpanExporter()
    path = tmp_path / "prices.toml"
    path.write_text(
        '[[price]]\nid = "s3/own/2020-01-01"\nservice = "s3"\neffective_from = 2020-01-01\n'
        'source = "https://example.com/contract"\nshown_in = "GB"\n'
        '[price.meters]\nbytes = { price = "5", per = "1", unit = "GB" }\n'
    )
    spanledger.configure(exporter=exporter, prices=path)
    spanledger.record_cost(service="s3", operation="upload", quantity=2, unit="GB")

    assert spanledger.flush()
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert (span.attributes["cost.total_cost"], span.attributes["cost.price_id"]) == ("10", "s3/own/2020-01-01")


def test_a_price_file_that_is_not_there_is_an_error(recorder: Recorder, tmp_path: Path) -> None:
    """An engine that would be priced wrongly does not start; the state stays unconfigured."""
    spanledger.shutdown()
    with pytest.raises(PriceBookError):
        spanledger.configure(exporter=recorder.exporter, prices=tmp_path / "absent.toml")
    spanledger.configure(exporter=recorder.exporter)


def test_spans_reach_a_collector_under_the_services_name(loopback: Loopback) -> None:
    """Over OTLP/HTTP, to the base address given, with the flush that an exit makes by itself."""
    loopback.bodies.clear()
    run(
        "import sys, spanledger\n"
        f"spanledger.configure('material-engine', endpoint={loopback.url!r})\n"
        "with spanledger.execution('exit-task'): pass\n"
    )

    assert sorted(loopback.span_names()) == ["execution exit-task", "execution.started exit-task"]
    assert b"material-engine" in loopback.bodies[0]


def test_a_provider_of_the_engines_is_joined(loopback: Loopback) -> None:
    """Its own exporter keeps getting every span, ours gets them too, and ids become unseeded."""
    loopback.bodies.clear()
    output = run(
        "import spanledger\n"
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
        "theirs = InMemorySpanExporter()\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(theirs))\n"
        "trace.set_tracer_provider(provider)\n"
        f"spanledger.configure(endpoint={loopback.url!r})\n"
        "with spanledger.step('shared'): pass\n"
        "assert trace.get_tracer_provider() is provider\n"
        "print(theirs.get_finished_spans()[0].name, type(provider.id_generator).__name__)\n"
    )

    assert output == "step shared UnseededIds\n"
    assert loopback.span_names() == ["step shared"]


def test_a_provider_that_takes_no_processor_is_an_error() -> None:
    """There is no way to see its spans, and saying nothing would be a silent loss."""
    output = run(
        "import spanledger\n"
        "from opentelemetry import trace\n"
        "trace.set_tracer_provider(trace.NoOpTracerProvider())\n"
        "try: spanledger.configure()\n"
        "except spanledger.SpanledgerError as error: print(type(error).__name__, error)\n"
    )
    assert output.startswith("ConfigurationError the global tracer provider is a NoOpTracerProvider")


def test_unconfigured_blocks_do_no_harm() -> None:
    """An engine without configuration, or with OpenTelemetry switched off, works as if nothing were there."""
    program = (
        "import spanledger\n"
        "with spanledger.execution('task') as execution, spanledger.step('step'), spanledger.prompt('a', 'b'):\n"
        "    spanledger.record_cost(service='s3', operation='upload', quantity=1, unit='GB')\n"
        "print(len(execution.id), spanledger.flush())\n"
        "spanledger.shutdown()\n"
    )
    assert run(program) == "36 True\n"
    assert run(f"import spanledger\nspanledger.configure()\n{program}", OTEL_SDK_DISABLED="true") == "36 True\n"


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
        ("127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("https://collector/otlp/v1/traces", "https://collector/otlp/v1/traces"),
        (None, "http://from-environment:4318/v1/traces"),
    ],
)
def test_the_traces_path_is_added_once(endpoint: str | None, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base address, with or without slash, scheme or path, or the environment's."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://from-environment:4318")
    courier = courier_for(endpoint)

    assert courier.endpoint == address
    courier.close()


def test_grpc_is_taken_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same call, another courier; an unknown protocol is refused by name."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    courier = courier_for("127.0.0.1:4317")
    assert type(courier).__name__ == "GrpcCourier"
    courier.close()

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    with pytest.raises(ConfigurationError, match="http/json"):
        courier_for()
