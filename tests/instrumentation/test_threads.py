"""Identity in threads, executors, tasks and generators: always that of the work, never that of somebody else."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace

import spanledger
from spanledger.identity import current_identity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.instrumentation.recorder import Recorder

TRACER = trace.get_tracer("test")

pytestmark = pytest.mark.usefixtures("recorder")


def user() -> str | None:
    """Who pays here and now."""
    return current_identity().user_id


class Subclass(threading.Thread):
    """A thread whose work is its own ``run``."""

    seen: str | None = None

    def run(self) -> None:
        """Note who pays."""
        self.seen = user()


def test_a_thread_belongs_to_the_execution_that_started_it(recorder: Recorder) -> None:
    """Its spans are stamped, and are children of the step."""
    with spanledger.execution("task", user_id="user-1"), spanledger.step("step") as step:
        thread = threading.Thread(target=lambda: TRACER.start_span("thread").end())
        thread.start()
        thread.join()

    span = recorder.span("thread")
    assert recorder.attributes("thread")["user.id"] == "user-1"
    assert recorder.attributes("thread")["step.name"] == "step"
    assert span.parent is not None
    assert span.parent.span_id == step.get_span_context().span_id


def test_a_thread_with_a_run_of_its_own_too() -> None:
    """So does one that inherits from Thread, and a timer."""
    timed: list[str | None] = []
    with spanledger.execution("task", user_id="user-1"):
        thread = Subclass()
        timer = threading.Timer(0, lambda: timed.append(user()))
        for started in (thread, timer):
            started.start()
    for started in (thread, timer):
        started.join()

    assert thread.seen == "user-1"
    assert timed == ["user-1"]
    assert "run" not in vars(thread)


def test_a_thread_outside_belongs_to_nobody() -> None:
    """And one started after the execution ended."""
    with spanledger.execution("task", user_id="user-1"):
        pass
    thread = Subclass()
    thread.start()
    thread.join()

    assert thread.seen is None


def test_a_pools_thread_belongs_to_nobody() -> None:
    """Each piece of work runs for whoever submitted it, whoever made the pool start its thread."""
    with ThreadPoolExecutor(1) as pool:
        with spanledger.execution("task", user_id="user-1"):
            first = pool.submit(user)
        outside = pool.submit(user)
        with spanledger.execution("task", user_id="user-2"):
            second = [future.result() for future in [pool.submit(user) for _ in range(3)]]

        assert (first.result(), outside.result(), second) == ("user-1", None, ["user-2"] * 3)


def test_asyncio_keeps_them_apart() -> None:
    """Tasks, to_thread and run_in_executor, all at once, each for its own user."""

    async def work(name: str) -> set[str | None]:
        async with spanledger.execution("task", user_id=name):
            loop = asyncio.get_running_loop()
            return {
                *await asyncio.gather(
                    asyncio.to_thread(user),
                    loop.run_in_executor(None, user),
                    asyncio.create_task(asyncio.to_thread(user)),
                ),
                user(),
            }

    async def main() -> list[set[str | None]]:
        return await asyncio.gather(*(work(f"user-{number}") for number in range(20)))

    assert asyncio.run(main()) == [{f"user-{number}"} for number in range(20)]


def test_a_generator_is_inside_only_while_it_runs() -> None:
    """Between two values the caller is who it was."""

    @spanledger.execution("task", user_id="user-1")
    def values() -> Iterator[str | None]:
        yield user()
        yield user()

    @spanledger.execution("task", user_id="user-2")
    async def later() -> AsyncIterator[str | None]:
        yield user()
        yield user()

    async def collect() -> list[str | None]:
        return [who async for value in later() for who in (value, user())]

    assert [who for value in values() for who in (value, user())] == ["user-1", None, "user-1", None]
    assert asyncio.run(collect()) == ["user-2", None, "user-2", None]


def test_the_engines_arguments_and_errors_pass() -> None:
    """Submitting passes arguments as they are, named ``executor`` and ``function`` too, and errors come back."""

    def work(*arguments: int, executor: int, function: int) -> int:
        return sum(arguments) + executor // function

    with spanledger.execution("task"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(work, 1, 2, executor=4, function=2).result() == 5
        with pytest.raises(ZeroDivisionError):
            pool.submit(work, executor=1, function=0).result()
