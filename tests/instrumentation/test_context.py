"""Executions, steps and prompts: identity, status and the spans they write."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode, format_span_id

import spanledger
from tests.instrumentation.recorder import attributes_of

if TYPE_CHECKING:
    from tests.instrumentation.recorder import Recorder

TRACER = trace.get_tracer("test")


class UntellableError(Exception):
    """An exception whose message cannot be had."""

    def __str__(self) -> str:
        message = "not even this"
        raise RuntimeError(message)


def test_everything_inside_carries_the_identity(recorder: Recorder) -> None:
    """A span of anybody's inside an execution, step and prompt says for whom and as part of what it ran."""
    with (
        spanledger.execution("material_analysis", user_id="user-123", execution_id="execution-1"),
        spanledger.step("video_analysis") as step,
        spanledger.prompt("video_selection", "segment_select"),
    ):
        TRACER.start_span("inside").end()

    assert recorder.attributes("inside") == {
        "user.id": "user-123",
        "execution.id": "execution-1",
        "task.type": "material_analysis",
        "step.name": "video_analysis",
        "step.span_id": format_span_id(step.get_span_context().span_id),
        "prompt.category": "video_selection",
        "gen_ai.prompt.name": "segment_select",
    }


def test_nothing_outside_carries_an_identity(recorder: Recorder) -> None:
    """The identity ends with its block."""
    with spanledger.execution("task", user_id="user-1"), spanledger.step("step"), spanledger.prompt("a", "b"):
        pass
    TRACER.start_span("outside").end()

    assert recorder.attributes("outside") == {}


def test_what_a_span_says_of_itself_stays(recorder: Recorder) -> None:
    """An attribute that the span started with is not overwritten by the context's."""
    with spanledger.execution("task", user_id="user-1"):
        TRACER.start_span("own", attributes={"user.id": "user-2"}).end()

    assert recorder.attributes("own")["user.id"] == "user-2"


def test_a_completed_execution_is_its_root_span(recorder: Recorder) -> None:
    """The root span carries identity and the status completed, and is OK."""
    with spanledger.execution("voiceover", user_id="user-1") as execution:
        assert execution.task_type == "voiceover"
        assert execution.user_id == "user-1"

    root = recorder.span("execution voiceover")
    assert root.status.status_code is StatusCode.OK
    assert root.parent is None
    assert str(UUID(execution.id)) == execution.id
    assert attributes_of(root) == {
        "execution.status": "completed",
        "execution.id": execution.id,
        "user.id": "user-1",
        "task.type": "voiceover",
    }


def test_an_execution_is_visible_from_its_start(recorder: Recorder) -> None:
    """A marker child with the root's start says running while the work is still going on."""
    with spanledger.step("outer"), spanledger.execution("voiceover") as execution:
        marker = recorder.span("execution.started voiceover")

    root = recorder.span("execution voiceover")
    assert root.context is not None
    assert marker.parent is not None
    assert marker.parent.span_id == root.context.span_id
    assert marker.start_time == marker.end_time == root.start_time
    assert attributes_of(marker) == {
        "execution.status": "running",
        "execution.id": execution.id,
        "task.type": "voiceover",
    }


def test_a_failed_execution_keeps_its_error(recorder: Recorder) -> None:
    """The engine gets its own exception back, and the root span says failed, type and message."""
    error = ValueError("no frames")
    with pytest.raises(ValueError, match="no frames") as raised, spanledger.execution("voiceover"):
        raise error

    root = recorder.span("execution voiceover")
    assert raised.value is error
    assert attributes_of(root)["execution.status"] == "failed"
    assert root.status.status_code is StatusCode.ERROR
    assert root.status.description == "ValueError: no frames"
    assert [event.name for event in root.events] == ["exception"]


def test_an_error_without_a_message_still_fails_the_execution(recorder: Recorder) -> None:
    """An exception that cannot be printed reaches the engine, and its type the ledger."""
    with pytest.raises(UntellableError), spanledger.execution("voiceover"):
        raise UntellableError

    root = recorder.span("execution voiceover")
    assert attributes_of(root)["execution.status"] == "failed"
    assert root.status.description == "UntellableError"


@pytest.mark.parametrize("code", [None, 0])
def test_a_regular_exit_completes_the_execution(recorder: Recorder, code: int | None) -> None:
    """``sys.exit`` without an error ends the work, it does not fail it."""
    with pytest.raises(SystemExit), spanledger.execution("voiceover"):
        raise SystemExit(code)

    assert recorder.attributes("execution voiceover")["execution.status"] == "completed"


def test_a_step_is_a_performance_record(recorder: Recorder) -> None:
    """The step's span has name, task and metadata, but no enclosing step."""
    with spanledger.execution("voiceover"), spanledger.step("mix", metadata={"tracks": 3, "mood": None}):
        pass

    step = recorder.span("step mix")
    record = attributes_of(step)
    assert step.status.status_code is StatusCode.OK
    assert record["step.name"] == "mix"
    assert record["task.type"] == "voiceover"
    assert record["step.metadata.tracks"] == 3
    assert not {"step.span_id", "step.metadata.mood"} & set(record)


def test_a_step_inside_a_step_is_a_record_of_its_own(recorder: Recorder) -> None:
    """The inner step's span names itself and no enclosing step, so that it is not taken for a mere part."""
    with spanledger.step("outer"), spanledger.step("inner"):
        pass

    record = recorder.attributes("step inner")
    assert record["step.name"] == "inner"
    assert "step.span_id" not in record


def test_a_failed_step_says_why(recorder: Recorder) -> None:
    """A step that raises is an error with type and message."""
    with pytest.raises(KeyError), spanledger.step("mix"):
        raise KeyError

    status = recorder.span("step mix").status
    assert (status.status_code, status.description) == (StatusCode.ERROR, "KeyError: ")


def test_an_inner_execution_is_a_task_of_its_own(recorder: Recorder) -> None:
    """It runs for the same user but takes over neither step nor prompt nor id."""
    with (
        spanledger.execution("outer", user_id="user-1", execution_id="outer-1"),
        spanledger.step("delegate"),
        spanledger.prompt("a", "b"),
        spanledger.execution("inner", execution_id="inner-1") as inner,
    ):
        assert inner.user_id == "user-1"

    assert recorder.attributes("execution inner") == {
        "execution.status": "completed",
        "user.id": "user-1",
        "execution.id": "inner-1",
        "task.type": "inner",
    }


def test_tasks_inherit_and_do_not_mix(recorder: Recorder) -> None:
    """Concurrent asyncio tasks each keep the identity they were started in."""

    async def work(user: str) -> None:
        async with spanledger.execution("task", user_id=user):
            await asyncio.sleep(0)
            await asyncio.gather(asyncio.to_thread(TRACER.start_span(user).end), asyncio.sleep(0))

    async def main() -> None:
        await asyncio.gather(*(work(f"user-{number}") for number in range(5)))

    asyncio.run(main())

    for number in range(5):
        assert recorder.attributes(f"user-{number}")["user.id"] == f"user-{number}"


def test_identity_of_any_type_and_text_is_accepted(recorder: Recorder) -> None:
    """Numbers and undecodable text as ids neither raise nor sink the batch."""
    with spanledger.execution("task", user_id=17, execution_id="\udcff"):  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - engines do
        pass

    record = recorder.attributes("execution task")
    assert (record["user.id"], record["execution.id"]) == ("17", "?")
