"""The five forms of a block: functions, coroutines, generators, asynchronous generators, and ``with``."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

import pytest

import spanledger
from spanledger.identity import current_identity
from tests.instrumentation.recorder import attributes_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from tests.instrumentation.recorder import Recorder


def test_a_function_runs_in_its_scope(recorder: Recorder) -> None:
    """A decorated function keeps name, arguments and result, and each call is an execution of its own."""

    @spanledger.execution("render")
    def render(frames: int, *, scale: int = 1) -> tuple[str | None, int]:
        """Render."""
        return current_identity().execution_id, frames * scale

    (first, size), (second, _) = render(2, scale=3), render(1)

    assert render.__name__ == "render"
    assert size == 6
    assert first != second
    roots = [attributes_of(span) for span in recorder.spans() if span.name == "execution render"]
    assert [root["execution.id"] for root in roots] == [first, second]


def test_a_recursive_function_nests_its_scope(recorder: Recorder) -> None:
    """A decorator may be entered again while it is entered."""

    @spanledger.step("descend")
    def descend(depth: int) -> int:
        return depth if depth == 0 else descend(depth - 1)

    assert descend(3) == 0
    assert [span.name for span in recorder.spans()] == ["step descend"] * 4


def test_a_coroutine_function_stays_one(recorder: Recorder) -> None:
    """A decorated coroutine function is awaited inside its scope, and its exception passes."""

    @spanledger.step("fetch")
    async def fetch() -> str | None:
        await asyncio.sleep(0)
        return current_identity().step_name

    @spanledger.step("fail")
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError

    assert inspect.iscoroutinefunction(fetch)
    assert asyncio.run(fetch()) == "fetch"
    with pytest.raises(LookupError):
        asyncio.run(fail())
    assert recorder.span("step fail").status.description == "LookupError: "


def test_a_generator_is_in_scope_only_while_it_runs(recorder: Recorder) -> None:
    """Between two values the consumer is not inside; values sent, thrown and returned go through."""

    @spanledger.step("produce")
    def produce() -> Generator[str | None, str, str]:
        received = yield current_identity().step_name
        try:
            yield received
        except KeyError:
            yield "caught"
        return f"{current_identity().step_name} done"

    values = produce()
    assert inspect.isgeneratorfunction(produce)
    assert next(values) == "produce"
    assert current_identity().step_name is None
    assert values.send("hello") == "hello"
    assert values.throw(KeyError()) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(values)
    assert stop.value.value == "produce done"
    assert recorder.span("step produce").status.is_ok


def test_a_generator_closed_early_has_not_failed(recorder: Recorder) -> None:
    """A consumer that stops early ends the step, and the generator's clean-up runs inside it."""
    seen: list[str | None] = []

    @spanledger.step("produce")
    def produce() -> Generator[int]:
        try:
            yield 1
        finally:
            seen.append(current_identity().step_name)

    values = produce()
    next(values)
    values.close()

    assert seen == ["produce"]
    assert recorder.span("step produce").status.description is None


def test_an_asynchronous_generator_is_in_scope_only_while_it_runs(recorder: Recorder) -> None:
    """As for a generator: the consumer is outside, sent and thrown values and closing go through."""
    closed: list[str | None] = []

    @spanledger.step("stream")
    async def stream() -> AsyncGenerator[str | None, str]:
        try:
            received = yield current_identity().step_name
            try:
                yield received
            except KeyError:
                yield "caught"
            yield "last"
        finally:
            closed.append(current_identity().step_name)

    async def consume() -> list[str | None]:
        values = stream()
        seen = [await anext(values), current_identity().step_name, await values.asend("hello")]
        seen.append(await values.athrow(KeyError()))
        await values.aclose()
        assert [value async for value in stream()] == ["stream", None, "last"]
        return seen

    assert inspect.isasyncgenfunction(stream)
    assert asyncio.run(consume()) == ["stream", None, "hello", "caught"]
    assert closed == ["stream", "stream"]
    assert [span.status.is_ok for span in recorder.spans()] == [True, True]


def test_a_block_can_be_entered_again(recorder: Recorder) -> None:
    """One object serves several ``with`` statements, nested ones too."""
    step = spanledger.step("again")
    with step, step:
        pass
    with step:
        pass

    assert [span.name for span in recorder.spans()] == ["step again"] * 3
    assert current_identity().step_name is None
