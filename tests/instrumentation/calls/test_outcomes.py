"""Outcomes of paid work: one record each, by ids that anyone can derive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace

import spanledger
from spanledger.calls import outcomes
from spanledger.calls.outcomes import Outcome, Outcomes

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.instrumentation.recorder import Recorder

DONE = Outcome("done", {"cost.metadata.state": "done"}, started_at=1_780_000_000_000_000_000)
TRACER = trace.get_tracer("tests")


def ids_of(span: ReadableSpan) -> tuple[int, int]:
    """Trace id and span id."""
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(min_size=1), min_size=1, max_size=5, unique=True))
def test_ids_follow_from_service_and_name(recorder: Recorder, names: list[str]) -> None:
    """The same name has the same ids in any process, other names and other services have others."""
    recorder.exporter.clear()
    for service in ("one", "two"):
        for process in (Outcomes(service), Outcomes(service)):
            for name in names:
                process.settle(name, DONE)

    seen = [ids_of(span) for span in recorder.spans()]
    assert len(seen) == 4 * len(names)
    assert len(set(seen)) == 2 * len(names)
    assert all(trace_id and span_id for trace_id, span_id in seen)


def test_the_first_outcome_stays(recorder: Recorder) -> None:
    """A second one of the same work changes nothing, and asking again afterwards is not waited for."""
    work = Outcomes("once")
    with spanledger.execution("task", user_id="user-1"), TRACER.start_as_current_span("asking") as span:
        work.ask("a", span)
    assert work.was_asked("a")
    work.settle("a", DONE)
    work.settle("a", Outcome("other", {}))

    assert (work.was_asked("a"), work.is_settled("a")) == (False, True)
    done = recorder.span("done")
    assert [link.context for link in done.links] == [recorder.span("asking").get_span_context()]
    assert recorder.attributes("done")["user.id"] == "user-1"
    assert "other" not in [span.name for span in recorder.spans()]


def test_an_outcome_that_could_not_be_recorded_is_recorded_next_time(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken for recorded, or forgotten, because recording failed."""

    def fail(*_: object) -> None:
        raise RuntimeError

    work = Outcomes("again")
    with spanledger.execution("task", user_id="user-1"), TRACER.start_as_current_span("asking") as span:
        work.ask("a", span)
    with monkeypatch.context() as broken:
        broken.setattr(outcomes, "_emit", fail)
        with pytest.raises(RuntimeError):
            work.settle("a", DONE)
    work.settle("a", DONE)

    assert recorder.attributes("done")["user.id"] == "user-1"


def test_memory_stays_bounded(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest name is forgotten; its record would have the same ids again."""
    monkeypatch.setattr(outcomes, "REMEMBERED", 2)
    work = Outcomes("many")
    with TRACER.start_as_current_span("asking") as span:
        for name in "abc":
            work.ask(name, span)
    assert [work.was_asked(name) for name in "abc"] == [False, True, True]
    for name in "abc":
        work.settle(name, DONE)

    assert [work.is_settled(name) for name in "abc"] == [False, True, True]
    assert len(recorder.spans()) == 4


def test_an_end_before_the_start_is_no_negative_duration(recorder: Recorder) -> None:
    """Whatever a provider states, the span ends no sooner than it starts."""
    Outcomes("odd").settle("a", Outcome("done", {}, started_at=2_000, ended_at=1_000))

    span = recorder.span("done")
    assert (span.start_time, span.end_time) == (2_000, 2_000)
