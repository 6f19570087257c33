"""What an engine gets from OpenAI's client is the same to the byte with and without metering, whatever happens."""

from __future__ import annotations

import asyncio
import traceback
from functools import partial
from typing import Any

import openai
import pytest

from spanledger.calls.openai import instrument, uninstrument
from spanledger.calls.openai_results import forget
from tests.instrumentation.calls.openai_calls import CALLS, MESSAGES, ataken, taken
from tests.instrumentation.openai_service import scenario


def both(call: Any) -> tuple[Any, Any]:  # noqa: ANN401 - whatever a call returns
    """What a call gives without and with metering."""
    uninstrument()
    try:
        without = call()
    finally:
        instrument()
    return without, call()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("recorder")
def test_results_are_the_same(name: str, paid: openai.OpenAI) -> None:
    """Objects, chunks, text and bytes."""
    without, metered = both(lambda: taken(CALLS[name](paid)))

    assert metered == without


@pytest.mark.usefixtures("recorder")
def test_asynchronous_results_are_the_same(openai_url: str) -> None:
    """Objects, chunks, text and bytes of the asynchronous client."""

    async def call_all() -> list[list[Any]]:
        async with openai.AsyncOpenAI(api_key="key", base_url=openai_url) as client:
            return [await ataken(call(client)) for call in CALLS.values()]

    without, metered = both(lambda: asyncio.run(call_all()))
    for name, one, other in zip(CALLS, without, metered, strict=True):
        assert other == one, name


FAILURES: dict[str, dict[str, Any]] = {
    "refused": {"extra_headers": scenario(status=[400])},
    "unauthorised": {"extra_headers": scenario(status=[401])},
    "limited for good": {"extra_headers": scenario(status=[429])},
    "broken": {"extra_headers": scenario(status=[500])},
    "refused for something else": {"stream": True, "extra_headers": scenario(status=[400])},
    "cut": {"stream": True, "extra_headers": scenario(cut=3)},
    "of the wrong type": {"extra_body": {"stream_options": 7}, "stream": True, "extra_headers": scenario(status=[400])},
}


def _failure(call: Any) -> tuple[str, str, str]:  # noqa: ANN401 - whatever a call returns
    """Type, text and the innermost line of the exception that a call ends with."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - any failure of the client is compared
        last = traceback.extract_tb(error.__traceback__)[-1]
        return type(error).__qualname__, str(error), f"{last.filename}:{last.lineno}"
    pytest.fail("the call succeeded")


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.usefixtures("recorder")
def test_failures_are_the_same(name: str, paid: openai.OpenAI) -> None:
    """Type, message and where the traceback ends."""

    def call() -> object:
        return taken(paid.chat.completions.create(model="gpt-4", messages=MESSAGES, **FAILURES[name]))

    without, metered = both(lambda: _failure(call))
    assert metered == without


@pytest.mark.usefixtures("recorder")
def test_an_unreachable_server_is_the_same(paid: openai.OpenAI) -> None:
    """A connection that is refused fails as it does without us."""
    client = paid.with_options(base_url="http://127.0.0.1:1/v1", max_retries=0)

    without, metered = both(lambda: _failure(lambda: client.chat.completions.create(model="gpt-4", messages=MESSAGES)))
    assert metered == without
    assert metered[0] == "APIConnectionError"


@pytest.mark.usefixtures("recorder")
def test_asynchronous_failures_are_the_same(openai_url: str) -> None:
    """Type, message and where the traceback ends, of the asynchronous client."""

    async def call(more: dict[str, Any]) -> object:
        async with openai.AsyncOpenAI(api_key="key", base_url=openai_url) as client:
            return await ataken(client.chat.completions.create(model="gpt-4", messages=MESSAGES, **more))

    for name, more in FAILURES.items():
        without, metered = both(partial(_failure, lambda: asyncio.run(call(more))))  # noqa: B023 - called at once
        assert metered == without, name


FAULTS = (
    "spanledger.calls.openai.find_endpoint",
    "spanledger.calls.openai.provider_of",
    "spanledger.calls.openai.measure_of",
    "spanledger.calls.openai.current_call",
    "spanledger.calls.openai.read_answer",
    "spanledger.calls.openai.BatchResults",
    "spanledger.calls.openai.EventReader",
    "spanledger.calls.openai_call.trace.get_current_span",
    "spanledger.calls.openai_call.attach",
    "spanledger.calls.openai_call.detach",
    "spanledger.calls.openai_call.text",
    "spanledger.calls.openai_call.answer_attributes",
    "spanledger.calls.openai_call.metadata_attributes",
    "spanledger.calls.openai_events.answer_in_event",
    "spanledger.calls.openai.watch",
    "spanledger.calls.openai._response_of",
    "spanledger.calls.openai._asking_for_usage",
    "spanledger.calls.openai_events.EventReader._take",
    "spanledger.calls.openai_events.EventReader._read",
    "spanledger.calls.openai_events.EventReader.feed",
    "spanledger.calls.openai_events.EventReader.end",
    "spanledger.calls.openai_events._without_usage",
    "spanledger.calls.openai_events._data_of",
    "spanledger.calls.watched_response._Watch.__init__",
    "spanledger.calls.openai_results._result_in",
    "spanledger.calls.openai_results._emit",
    "spanledger.calls.openai_audio.audio_seconds",
    "spanledger.calls.watched_response.weakref.finalize",
)
"""Everything of ours that a call goes through, what takes our wish for usage out of a stream included."""


@pytest.fixture(scope="module")
def unmetered(openai_url: str) -> dict[str, Any]:
    """What every call gives without metering, asked once for all faults."""
    uninstrument()
    with openai.OpenAI(api_key="key", base_url=openai_url) as client:
        return {name: taken(call(client)) for name, call in CALLS.items()}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("recorder")
def test_a_defect_of_ours_changes_nothing(
    fault: str, paid: openai.OpenAI, unmetered: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails inside metering, every call gives what it gives without it, and the failure is counted."""
    reached: list[str] = []

    def fail(*_: object, **__: object) -> None:
        reached.append(fault)
        raise ZeroDivisionError(fault)

    forget()
    instrument()
    monkeypatch.setattr(fault, fail)
    metered = {name: taken(call(paid)) for name, call in CALLS.items()}

    assert reached
    assert metered == unmetered
