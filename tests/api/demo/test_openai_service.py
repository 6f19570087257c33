"""OpenAI's own clients against the loopback service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import openai
import pytest

from spanledger_api.demo.openai_service import KEY_WITHOUT_QUOTA

if TYPE_CHECKING:
    from collections.abc import Callable

    from openai.types.chat import ChatCompletionMessageParam

# 3,984 bytes are 996 tokens, and the message itself is 4.
_THOUSAND_TOKENS: list[ChatCompletionMessageParam] = [{"role": "user", "content": "x" * 3984}]


def test_chat_usage_follows_the_text_and_the_limit(openai_client: openai.OpenAI) -> None:
    """A thousand tokens asked with room for sixteen are billed as just that, by the model's dated name."""
    answer = openai_client.chat.completions.create(model="gpt-4", messages=_THOUSAND_TOKENS, max_tokens=16)

    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (1000, 16, 1016)
    assert answer.model == "gpt-4-0613"
    assert answer.choices[0].finish_reason == "length"
    assert answer.id.startswith("chatcmpl-")
    assert answer.system_fingerprint


def test_chat_answers_as_long_as_the_text_asks(openai_client: openai.OpenAI) -> None:
    """The text itself says how long the answer is where no parameter does."""
    answer = openai_client.chat.completions.create(
        model="gpt-3.5-turbo", messages=[{"role": "user", "content": "Answer in at most 500 tokens."}]
    )

    assert answer.usage is not None
    assert answer.usage.completion_tokens == 500
    assert answer.choices[0].finish_reason == "stop"


def test_a_stream_ends_with_usage_when_asked(openai_client: openai.OpenAI) -> None:
    """Every chunk but the last carries text and no usage; the last carries usage and no choice."""
    chunks = list(
        openai_client.chat.completions.create(
            model="gpt-4o-mini", messages=_THOUSAND_TOKENS, stream=True, stream_options={"include_usage": True}
        )
    )

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert text.startswith("The opening scene")
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert not chunks[-1].choices
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 1064


def test_a_stream_without_the_option_tells_no_usage(openai_client: openai.OpenAI) -> None:
    """Nobody learns the usage of a stream that was not asked for it."""
    chunks = list(openai_client.chat.completions.create(model="gpt-4", messages=_THOUSAND_TOKENS, stream=True))

    assert all(chunk.usage is None for chunk in chunks)


def test_the_asynchronous_client_is_answered(services: str) -> None:
    """The async client reads plain answers and streams alike."""

    async def both() -> tuple[int, int]:
        async with openai.AsyncOpenAI(api_key="sk-test", base_url=f"{services}/v1", max_retries=0) as client:
            plain = await client.chat.completions.create(model="gpt-4", messages=_THOUSAND_TOKENS)
            stream = await client.chat.completions.create(model="gpt-4", messages=_THOUSAND_TOKENS, stream=True)
            return len(plain.choices), len([chunk async for chunk in stream])

    choices, chunks = asyncio.run(both())

    assert choices == 1
    assert chunks > 10


def test_embeddings_are_unit_vectors(openai_client: openai.OpenAI) -> None:
    """One vector for each text, packed as the client asks for it."""
    answer = openai_client.embeddings.create(model="text-embedding-3-small", input=["a scene", "another scene"])

    assert [len(row.embedding) for row in answer.data] == [1536, 1536]
    assert answer.data[1].embedding[:2] == [1.0, 0.0]
    assert answer.usage.prompt_tokens == 2 + 4


def test_transcriptions_state_their_seconds(openai_client: openai.OpenAI, recording: Callable[[int], bytes]) -> None:
    """The length comes from the recording, in the plain and in the verbose answer."""
    file = ("voice.wav", recording(90))

    plain = openai_client.audio.transcriptions.create(model="whisper-1", file=file)
    verbose = openai_client.audio.transcriptions.create(model="whisper-1", file=file, response_format="verbose_json")
    text = openai_client.audio.transcriptions.create(model="whisper-1", file=file, response_format="text")

    assert plain.usage is not None
    assert plain.usage.type == "duration"
    assert plain.usage.seconds == 90
    assert verbose.duration == 90
    assert verbose.segments is not None
    assert verbose.usage is not None
    assert verbose.usage.seconds == 90
    assert text == f"{plain.text}\n"


def test_models_are_listed(openai_client: openai.OpenAI) -> None:
    """A client can look up what there is."""
    assert {"gpt-4", "whisper-1"} <= {model.id for model in openai_client.models.list()}


@pytest.mark.parametrize("key", ["nonsense", "key-sk-1"])
def test_a_wrong_key_is_refused(openai_client: openai.OpenAI, key: str) -> None:
    """The client raises its authentication error, with OpenAI's code."""
    with pytest.raises(openai.AuthenticationError) as refusal:
        openai_client.models.list(extra_headers={"Authorization": f"Bearer {key}"})

    assert refusal.value.code == "invalid_api_key"


def test_an_empty_account_is_refused(openai_client: openai.OpenAI) -> None:
    """The client raises its rate-limit error, with the code that tells quota from speed."""
    poor = openai_client.with_options(api_key=KEY_WITHOUT_QUOTA)

    with pytest.raises(openai.RateLimitError) as refusal:
        poor.chat.completions.create(model="gpt-4", messages=_THOUSAND_TOKENS)

    assert refusal.value.code == "insufficient_quota"


def test_a_prompt_beyond_the_window_is_refused(openai_client: openai.OpenAI) -> None:
    """What does not fit into the model costs nothing and says so."""
    with pytest.raises(openai.BadRequestError) as refusal:
        openai_client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "x" * 40_000}])

    assert refusal.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("body", "parameter", "code"),
    [
        ({"messages": [{"role": "user", "content": "x"}]}, "model", "missing_required_parameter"),
        ({"model": "gpt-4"}, "messages", "missing_required_parameter"),
        ({"model": "gpt-4", "messages": []}, "messages", "invalid_value"),
        ({"model": "gpt-4", "messages": [{"content": "x"}], "max_tokens": 0}, "max_tokens", "invalid_value"),
    ],
)
def test_a_bad_parameter_is_named(
    openai_client: openai.OpenAI, body: dict[str, object], parameter: str, code: str
) -> None:
    """The error names the parameter that is missing or wrong."""
    with pytest.raises(openai.BadRequestError) as refusal:
        openai_client.post("/chat/completions", body=body, cast_to=object)

    assert (refusal.value.param, refusal.value.code) == (parameter, code)


def test_a_body_that_is_no_json_is_refused(openai_client: openai.OpenAI) -> None:
    """Bytes that no parser takes are a bad request, not a failure of the service."""
    with pytest.raises(openai.BadRequestError, match="could not parse"):
        openai_client.post("/chat/completions", content=b"{", cast_to=object)


def test_an_unknown_model_is_refused(openai_client: openai.OpenAI) -> None:
    """A model that does not exist is not found."""
    with pytest.raises(openai.NotFoundError):
        openai_client.chat.completions.create(model="gpt-none", messages=_THOUSAND_TOKENS)


def test_a_recording_that_is_none_is_refused(openai_client: openai.OpenAI) -> None:
    """A file of another format names the offending part."""
    with pytest.raises(openai.BadRequestError) as refusal:
        openai_client.audio.transcriptions.create(model="whisper-1", file=("voice.wav", b"RIFF nothing"))

    assert refusal.value.param == "file"
