"""The real OpenAI client, metered: amounts, identity, and nothing of ours in what it sends or returns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import openai
import pytest

import spanledger
from spanledger.calls.openai import instrument, uninstrument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.chat import ChatCompletionUserMessageParam

    from tests.instrumentation.loopback import Loopback
    from tests.instrumentation.recorder import Recorder

MESSAGES: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "hello"}]


@pytest.fixture
def client(loopback: Loopback) -> Iterator[openai.OpenAI]:
    """A synchronous client of the fake."""
    with openai.OpenAI(api_key="key", base_url=f"{loopback.url}/v1", max_retries=0) as client:
        yield client


def test_a_call_inside_everything_is_one_exact_record(recorder: Recorder, client: openai.OpenAI) -> None:
    """gpt-4 with 1,000 prompt and 500 completion tokens costs 0.06, for the user, execution, step and prompt."""
    with (
        spanledger.execution("material_analysis", user_id="user-123", execution_id="execution-1"),
        spanledger.step("select"),
        spanledger.prompt("video_selection", "segment_select"),
    ):
        response = client.chat.completions.create(model="gpt-4", messages=MESSAGES)

    record = recorder.cost()
    assert response.choices[0].message.content == "hello"
    assert record["cost.total_cost"] == "0.06"
    assert record["cost.source"] == "price_book"
    assert record["cost.operation"] == "gpt-4_video_selection_segment_select"
    assert (record["user.id"], record["execution.id"], record["task.type"]) == (
        "user-123",
        "execution-1",
        "material_analysis",
    )
    assert (record["step.name"], record["prompt.category"]) == ("select", "video_selection")
    assert record["step.span_id"]


def test_an_asynchronous_call_is_the_same_record(recorder: Recorder, loopback: Loopback) -> None:
    """AsyncOpenAI in concurrent tasks: each call belongs to its own user."""

    async def call(user: str) -> None:
        async with (
            openai.AsyncOpenAI(api_key="key", base_url=f"{loopback.url}/v1") as client,
            spanledger.execution("task", user_id=user),
        ):
            await client.chat.completions.create(model="gpt-4", messages=MESSAGES)

    async def main() -> None:
        await asyncio.gather(*(call(f"user-{number}") for number in range(3)))

    asyncio.run(main())

    costs = sorted((str(record["user.id"]), record["cost.total_cost"]) for record in recorder.costs())
    assert costs == [("user-0", "0.06"), ("user-1", "0.06"), ("user-2", "0.06")]


def test_a_dated_snapshot_costs_what_the_model_costs(recorder: Recorder, client: openai.OpenAI) -> None:
    """The served gpt-4-0613 is priced, whatever alias was asked for; the operation names the alias."""
    client.chat.completions.create(model="gpt-4-pinned", messages=MESSAGES)

    record = recorder.cost()
    assert record["gen_ai.response.model"] == "gpt-4-0613"
    assert (record["cost.total_cost"], record["cost.source"]) == ("0.06", "price_book")
    assert record["cost.operation"] == "gpt-4-pinned_chat"


def test_an_unknown_model_takes_the_fallback_and_says_so(recorder: Recorder, client: openai.OpenAI) -> None:
    """The price of gpt-4 stands in, marked as such."""
    client.chat.completions.create(model="house-model-1", messages=MESSAGES)

    record = recorder.cost()
    assert (record["cost.total_cost"], record["cost.source"]) == ("0.06", "fallback")
    assert "house-model-1" in str(record["cost.reason"])


def test_a_refused_call_raises_openais_error_and_costs_nothing(recorder: Recorder, client: openai.OpenAI) -> None:
    """The exception is the client's own, and there is no cost record."""
    with (
        pytest.raises(openai.BadRequestError, match="no such luck"),
        spanledger.execution("task"),
        spanledger.step("ask"),
    ):
        client.chat.completions.create(model="refused", messages=MESSAGES)

    assert recorder.costs() == []
    assert str(recorder.span("execution task").status.description).startswith("BadRequestError: ")


def test_a_stream_without_usage_works_and_is_unpriced(recorder: Recorder, client: openai.OpenAI) -> None:
    """The chunks arrive untouched; the record has no amount, and the reason."""
    chunks = list(client.chat.completions.create(model="gpt-4", messages=MESSAGES, stream=True))

    assert [chunk.choices[0].delta.content for chunk in chunks] == ["hello"]
    record = recorder.cost()
    assert (record["cost.service"], record["cost.source"]) == ("openai", "unpriced")


def test_identity_never_leaves_in_a_request(recorder: Recorder, client: openai.OpenAI, loopback: Loopback) -> None:
    """No header tells OpenAI for whom the call is."""
    with spanledger.execution("secret-task", user_id="secret-user"):
        client.chat.completions.create(model="gpt-4", messages=MESSAGES)

    assert recorder.cost()["user.id"] == "secret-user"
    headers = loopback.requests[-1]
    assert "secret" not in " ".join(headers.values())
    assert "baggage" not in headers


def test_metering_can_be_taken_off_and_put_on_again(recorder: Recorder, client: openai.OpenAI) -> None:
    """Without the instrumentation there is no record; putting it on twice is no double one."""
    uninstrument()
    uninstrument()
    client.chat.completions.create(model="gpt-4", messages=MESSAGES)
    assert recorder.costs() == []

    instrument()
    instrument()
    client.chat.completions.create(model="gpt-4", messages=MESSAGES)
    assert len(recorder.costs()) == 1


def test_a_hook_that_raises_leaves_the_call_alone(
    recorder: Recorder, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where stamping the identity fails, the engine still gets its answer and the ledger the amount."""

    def fail(context: object) -> None:
        raise RuntimeError(context)

    monkeypatch.setattr("spanledger.processor.current_identity", fail)
    response = client.chat.completions.create(model="gpt-4", messages=MESSAGES)

    assert cast("object", response.usage) is not None
    assert recorder.cost()["cost.total_cost"] == "0.06"
