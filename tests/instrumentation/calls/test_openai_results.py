"""Batches and background responses: charged when they are fetched, once, at their price."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from typing import TYPE_CHECKING

import openai
import pytest

import spanledger
from spanledger.calls import openai_results
from tests.instrumentation.openai_service import CREATED, scenario

if TYPE_CHECKING:
    from tests.instrumentation.recorder import Recorder


@pytest.fixture(autouse=True)
def _new_process() -> None:
    """Nothing has been charged yet."""
    openai_results.forget()


def test_each_result_of_a_batch_costs_half(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Two gpt-4 chats, a gpt-3.5-turbo response and an embedding; what failed costs nothing."""
    with spanledger.execution("nightly", user_id="user-123", execution_id="execution-1"):
        content = paid.files.content("file-1").content

    records = {str(record["cost.metadata.custom_id"]): record for record in recorder.costs()}
    assert content.count(b"\n") == 6
    assert {name: record["cost.total_cost"] for name, record in records.items()} == {
        "job-0": "0.03",
        "job-1": "0.03",
        "job-2": "0.00125",
        "job-3": "0.00001",
    }
    assert {record["user.id"] for record in records.values()} == {"user-123"}
    assert {record["execution.id"] for record in records.values()} == {"execution-1"}
    assert records["job-0"]["cost.price_id"] == "openai/gpt-4/2023-03-14+openai/batch/2024-04-15"
    assert records["job-2"]["cost.operation"] == "gpt-3.5-turbo_chat"


def test_a_batch_is_charged_once_however_often_it_is_fetched(
    recorder: Recorder, paid: openai.OpenAI, openai_url: str
) -> None:
    """Again, as a raw response, in pieces, and by another client."""

    async def fetch() -> None:
        async with openai.AsyncOpenAI(api_key="key", base_url=openai_url) as client:
            await client.files.content("file-1")

    paid.batches.retrieve("file-1")
    paid.files.with_raw_response.content("file-1")
    with paid.files.with_streaming_response.content("file-1") as response:
        response.read()
    asyncio.run(fetch())

    assert len(recorder.costs()) == 4


def test_another_process_writes_the_same_spans(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Ids and times come from the results, so that the ledger takes them for a repeated delivery."""
    paid.files.content("file-1")
    openai_results.forget()
    paid.files.content("file-1")

    spans = recorder.spans()
    contexts = [span.get_span_context() for span in spans]
    ids = [(context.trace_id, context.span_id) for context in contexts if context is not None]
    assert len(ids) == 8
    assert ids[:4] == ids[4:]
    assert len(set(ids)) == 4
    assert spans[0].start_time == CREATED * 1_000_000_000


def test_a_file_in_pieces_is_charged_as_a_whole(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Results that are parted anywhere on the way."""
    with paid.files.with_streaming_response.content("file-1") as response:
        pieces = list(response.iter_bytes(11))

    assert len(pieces) > 4
    assert sum(Decimal(str(record["cost.total_cost"])) for record in recorder.costs()) == Decimal("0.06126")


def test_a_large_batch_does_not_hold_the_engine_up(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Its results are charged in a thread, in the name of who fetched it."""
    with spanledger.execution("nightly", user_id="user-123"):
        paid.files.content("file-1", extra_headers=scenario(results=1_000))
    for thread in threading.enumerate():
        if thread.name == "spanledger-batch":
            thread.join()

    records = recorder.costs()
    assert len(records) == 1_002
    assert {record["user.id"] for record in records} == {"user-123"}


def test_other_files_cost_nothing(recorder: Recorder) -> None:
    """Lines that are no results, and lines that only look like one."""
    file = openai_results.BatchResults("/files/file-1/content", "openai")
    file.feed(b'{"custom_id": 1, "usage": }\n{"custom_id": "a", "usage": {}}\nplain\n\n')
    file.end()

    assert recorder.costs() == []


def test_a_background_response_is_charged_when_it_is_retrieved(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Once, however often; until then the record says why it has no amount."""
    queued = paid.responses.create(model="gpt-4", input="hello", background=True, extra_headers=scenario(id="resp_7"))
    for _ in range(2):
        paid.responses.retrieve(queued.id)

    asked, made = recorder.costs()
    assert asked["cost.reason"] == "the answer is made in the background, and charged when it is retrieved"
    assert (made["cost.total_cost"], made["gen_ai.response.id"]) == ("0.06", "resp_7")
