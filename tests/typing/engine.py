"""How an engine uses the public names: checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, assert_type

from openai.types.chat import ChatCompletion
from opentelemetry.trace import Span

import spanledger
from spanledger.context import Execution

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter


def configures(exporter: SpanExporter) -> None:
    """Setting up and ending."""
    spanledger.configure()
    spanledger.configure("engine", endpoint="http://127.0.0.1:4318", exporter=exporter, prices=Path("prices.toml"))
    assert_type(spanledger.flush(500), bool)
    spanledger.shutdown()


def blocks() -> None:
    """What ``as`` binds."""
    with spanledger.execution("task", user_id="user-1", execution_id="1") as execution:
        assert_type(execution, Execution)
        assert_type(execution.user_id, str | None)
    with spanledger.step("step", metadata={"frames": 3}) as step, spanledger.prompt("category", "name") as nothing:
        assert_type(step, Span)
        assert_type(nothing, None)


async def asynchronous_blocks() -> None:
    """The same, asynchronously."""
    async with spanledger.execution("task") as execution, spanledger.step("step"), spanledger.prompt("a", "b"):
        assert_type(execution.id, str)
    assert_type(await coroutine(3), str)


@spanledger.execution("task")
def function(number: int, *, text: str = "") -> bool:
    """A decorated function keeps its signature."""
    return str(number) == text


@spanledger.step("step")
async def coroutine(number: int) -> str:
    """So does a coroutine function."""
    return str(number)


@spanledger.prompt("category", "name")
def generator(number: int) -> Generator[int, str, bool]:
    """And a generator function."""
    return (yield number) == ""


@spanledger.step("step")
async def asynchronous_generator(number: int) -> AsyncGenerator[int]:
    """And an asynchronous one."""
    yield number


def decorated() -> None:
    """Types of what the decorated functions return."""
    assert_type(function(1, text="1"), bool)
    assert_type(generator(1), Generator[int, str, bool])
    assert_type(asynchronous_generator(1), AsyncGenerator[int])


def records(amount: Decimal) -> None:
    """Amounts in every form."""
    spanledger.record_cost(service="s", operation="o", quantity=1, unit="u", total_cost=amount, duration=1.5)
    spanledger.record_cost(service="s", operation="o", quantity="1", unit="u", unit_cost=0.1, metadata={"k": [1]})


def prompts() -> None:
    """A result unpacks."""
    response, cost, duration = spanledger.PromptManager("prompts").execute_prompt("category", "name", {"k": 1})
    assert_type(response, ChatCompletion)
    assert_type(cost, Decimal | None)
    assert_type(duration, float)
