"""Every call of OpenAI's client, in every way an engine makes it, to the digit; the reference page is this very table.

``SPANLEDGER_WRITE_REFERENCE=1`` writes the page anew.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest

import spanledger
from spanledger.calls.openai_results import forget
from tests.instrumentation.calls.openai_calls import CALLS, ataken, taken
from tests.instrumentation.recorder import Recorder, attributes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metered-calls-openai.md"
HEAD = """# Metered OpenAI calls

What each call of OpenAI's client costs in the ledger, measured against a loopback service: the answers state 1,000
input and 500 output tokens, recordings of 90 seconds and texts of 600 characters unless the call says otherwise. Every
call is made synchronously, asynchronously, in a thread, and so that the service refuses it; the ways that give the same
record share a row. A refused call costs nothing and leaves no record. Amounts are USD. An empty cell is a missing
value, and the reason says why.

A test generates this page and fails where it differs: `SPANLEDGER_WRITE_REFERENCE=1 pytest
tests/instrumentation/calls/test_metered_calls.py` writes it anew.

| call | ways | operation | quantity | unit | unit price | total | source | identity | reason |
|---|---|---|---|---|---|---|---|---|---|
"""
FIELDS = ("operation", "quantity", "unit", "unit_cost", "total_cost", "source")
IDENTITY = ("user.id", "execution.id", "task.type", "step.name")


def _inside(call: Callable[[], Any]) -> None:
    """Make a call on behalf of somebody; what fails is the service's refusal."""
    with spanledger.execution("job", user_id="ada", execution_id="e-1"), spanledger.step("call"):
        call()


def _synchronous(name: str, url: str, headers: Mapping[str, str]) -> None:
    with openai.OpenAI(api_key="key", base_url=url, default_headers=headers) as client:
        _inside(lambda: taken(CALLS[name](client)))


def _asynchronous(name: str, url: str, headers: Mapping[str, str]) -> None:
    async def main() -> None:
        async with (
            openai.AsyncOpenAI(api_key="key", base_url=url, default_headers=headers) as client,
            spanledger.execution("job", user_id="ada", execution_id="e-1"),
            spanledger.step("call"),
        ):
            await ataken(CALLS[name](client))

    asyncio.run(main())


def _in_a_thread(name: str, url: str, headers: Mapping[str, str]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_synchronous, name, url, headers).result()


def _refused(name: str, url: str, headers: Mapping[str, str]) -> None:
    with pytest.raises(openai.APIStatusError):
        _synchronous(name, url, {**headers, "x-refuse": "400"})


WAYS = {"sync": _synchronous, "async": _asynchronous, "thread": _in_a_thread, "failure": _refused}


def _rows(name: str, url: str, recorder: Recorder) -> list[str]:
    """The rows of one call: the records that its ways left, and which of them left the same."""
    ways: dict[tuple[str, ...], list[str]] = {}
    for way, make in WAYS.items():
        forget()  # each way is a process of its own
        recorder.exporter.clear()
        make(name, url, {})
        errors = [attributes_of(span)["error.type"] for span in recorder.spans() if "error.type" in attributes_of(span)]
        for record in recorder.costs() or [{"cost.reason": f"no record: {', '.join(map(str, errors))}"}]:
            cells = [str(record.get(f"cost.{field}", "")) for field in FIELDS]
            identity = " ".join(str(record[key]) for key in IDENTITY) if "user.id" in record else ""
            row = (*cells, identity, str(record.get("cost.reason", "")))
            if way not in ways.setdefault(row, []):
                ways[row].append(way)
    return [f"| {name} | {', '.join(made)} | {' | '.join(row)} |\n" for row, made in ways.items()]


def test_the_reference_page_is_what_happens(recorder: Recorder, openai_url: str) -> None:
    """Quantity, unit, prices, total and identity of every call in every way, as the page shows them."""
    page = HEAD + "".join(row for name in CALLS for row in _rows(name, openai_url, recorder))

    if os.environ.get("SPANLEDGER_WRITE_REFERENCE"):
        PAGE.write_text(page, encoding="utf-8")
    assert page == PAGE.read_text(encoding="utf-8")
