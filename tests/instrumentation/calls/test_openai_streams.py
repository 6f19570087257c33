"""Streams of OpenAI's client: whole ones at their exact price, broken and abandoned ones with what is known."""

from __future__ import annotations

import asyncio
import gc
import os
from typing import TYPE_CHECKING, Any

import openai
import pytest

import spanledger
from tests.instrumentation.calls.openai_calls import MESSAGES
from tests.instrumentation.openai_service import scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.instrumentation.recorder import Recorder


def stream(client: Any, **more: Any) -> Any:  # noqa: ANN401 - a client of either kind
    """A streamed chat."""
    return client.chat.completions.create(model="gpt-4", messages=MESSAGES, stream=True, **more)


def _break(chunks: openai.Stream[Any]) -> None:
    next(chunks)


def _break_in_a_loop(chunks: openai.Stream[Any]) -> None:
    for _ in chunks:
        break


def _close(chunks: openai.Stream[Any]) -> None:
    next(chunks)
    chunks.close()


def _leave(chunks: openai.Stream[Any]) -> None:
    with chunks as inside:
        next(inside)


def _fail_inside(chunks: openai.Stream[Any]) -> None:
    with pytest.raises(ZeroDivisionError), chunks:
        _ = [1 // len(chunk.choices) for chunk in chunks]  # the first has none


def _never_read(chunks: openai.Stream[Any]) -> None:
    del chunks


@pytest.mark.parametrize("leave", [_break, _break_in_a_loop, _close, _leave, _fail_inside, _never_read])
def test_an_abandoned_stream_is_a_record_with_its_reason(
    leave: Callable[[openai.Stream[Any]], None], recorder: Recorder, paid: openai.OpenAI
) -> None:
    """What OpenAI bills for it is not known, so it has no amount; it is somebody's all the same."""
    with spanledger.execution("task", user_id="user-123"):
        leave(stream(paid, extra_headers=scenario(cut=4)))
        gc.collect()

    record = recorder.cost()
    assert (record["cost.source"], record["cost.operation"], record["user.id"]) == (
        "unpriced",
        "gpt-4_chat",
        "user-123",
    )
    assert record["cost.reason"] == "the answer was not read to its end: its usage did not come"


def test_an_abandoned_stream_of_an_asynchronous_client_is_a_record(recorder: Recorder, openai_url: str) -> None:
    """Broken off in a loop, and by a cancelled task."""

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="key", base_url=openai_url) as client:
            async for _ in await stream(client):
                break
            chunks = await stream(client)
            task = asyncio.create_task(_read_for_ever(chunks))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await chunks.close()
        gc.collect()

    asyncio.run(main())
    assert [record["cost.source"] for record in recorder.costs()] == ["unpriced", "unpriced"]


async def _read_for_ever(chunks: openai.AsyncStream[Any]) -> None:
    await chunks.__anext__()
    await asyncio.Event().wait()


def test_usage_that_came_before_the_engine_left_is_charged(recorder: Recorder, paid: openai.OpenAI) -> None:
    """An engine that asks for usage and stops right at it pays the exact amount."""
    for chunk in stream(paid, stream_options={"include_usage": True}):
        if chunk.usage is not None:
            break
    gc.collect()

    assert recorder.cost()["cost.total_cost"] == "0.06"


def test_a_stream_that_breaks_is_an_error_and_a_record(recorder: Recorder, paid: openai.OpenAI) -> None:
    """The connection drops after four events."""
    with pytest.raises(openai.APIConnectionError):
        list(stream(paid, extra_headers=scenario(cut=4)))

    record = recorder.cost()
    assert record["cost.reason"] == "the answer broke off: its usage did not come"
    assert record["cost.metadata.stream_events"] == 4
    assert record["error.type"]
    assert not recorder.span("chat gpt-4").status.is_ok


def test_a_server_that_does_not_know_the_wish_is_asked_once(recorder: Recorder, paid: openai.OpenAI) -> None:
    """The engine's stream comes as it asked for it; the next one is sent without the wish at once."""
    wish = scenario(knows_stream_options=False)
    for _ in range(2):
        chunks = list(paid.chat.completions.create(model="old", messages=MESSAGES, stream=True, extra_headers=wish))
        assert len(chunks) == 7

    assert [record["cost.source"] for record in recorder.costs()] == ["unpriced", "unpriced"]
    assert [span.status.is_ok for span in recorder.spans()] == [False, True, True]


def test_a_wish_of_the_engines_own_stays(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Other stream options are kept, wherever they stand, and a refusal of usage is a refusal to see it only."""
    for more in (
        {"stream_options": {"include_usage": False, "include_obfuscation": False}},
        {"extra_body": {"stream_options": {"include_obfuscation": False}}},
    ):
        chunks = list(stream(paid, **more))
        assert all("usage" not in chunk.to_dict() for chunk in chunks)

    assert [record["cost.total_cost"] for record in recorder.costs()] == ["0.06", "0.06"]


def test_bytes_of_a_stream_can_be_read_in_any_size(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Cut to a size, they are the same bytes as those of a request of the engine's own."""

    def read(**more: Any) -> Iterator[bytes]:  # noqa: ANN401 - any parameter
        create = paid.chat.completions.with_streaming_response.create
        with create(model="gpt-4", messages=MESSAGES, stream=True, **more) as response:
            yield from response.iter_bytes(7)

    pieces = list(read())

    assert {len(piece) for piece in pieces[:-1]} == {7}
    assert b'"usage"' not in b"".join(pieces).replace(b'\\"usage\\"', b"")
    assert recorder.cost()["cost.total_cost"] == "0.06"


def test_a_response_is_left_as_it_was(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Once it is read, nothing of ours is on the response object."""
    chunks: openai.Stream[Any] = stream(paid)
    list(chunks)

    assert not {"iter_bytes", "aiter_bytes", "close", "aclose"} & set(vars(chunks.response))
    assert recorder.cost()["cost.total_cost"] == "0.06"


def test_a_forked_child_says_nothing_of_its_parents_call(recorder: Recorder, paid: openai.OpenAI) -> None:
    """It closes its copy of a stream, and the record is the parent's alone, with its usage."""
    stream = paid.chat.completions.create(model="gpt-4", messages=MESSAGES, stream=True)
    next(stream)
    child = os.fork()
    if not child:
        stream.response.close()
        os._exit(len(recorder.costs()))
    _, status = os.waitpid(child, 0)
    list(stream)

    assert os.waitstatus_to_exitcode(status) == 0
    assert recorder.cost()["cost.total_cost"] == "0.06"
