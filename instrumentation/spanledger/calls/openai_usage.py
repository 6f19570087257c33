"""What OpenAI says of an answer that matters for its price, read from its objects and from their JSON alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from spanledger.pricing.meters import METERS

__all__ = ["Answer", "answer_in_event", "read_answer"]

_METERS: Final = {
    "input_tokens": (("prompt_tokens",), ("input_tokens",)),
    "output_tokens": (("completion_tokens",), ("output_tokens",)),
    "cached_input_tokens": (
        ("prompt_tokens_details", "cached_tokens"),
        ("input_tokens_details", "cached_tokens"),
        ("input_token_details", "cached_tokens"),
    ),
    "cache_write_input_tokens": (
        ("prompt_tokens_details", "cache_write_tokens"),
        ("input_tokens_details", "cache_write_tokens"),
    ),
    "audio_input_tokens": (
        ("prompt_tokens_details", "audio_tokens"),
        ("input_tokens_details", "audio_tokens"),
        ("input_token_details", "audio_tokens"),
    ),
    "reasoning_output_tokens": (
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "reasoning_tokens"),
    ),
    "audio_output_tokens": (
        ("completion_tokens_details", "audio_tokens"),
        ("output_tokens_details", "audio_tokens"),
        ("output_token_details", "audio_tokens"),
    ),
}
"""Where the usage objects of the endpoints state each meter; a part that is 0 or absent costs as its whole does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        model: The model that answered; None where the answer does not say.
        response_id: OpenAI's identifier of the answer; None where it has none.
        tier: The service tier; None where the answer does not say.
        quantities: Meter name to tokens or seconds; empty where the answer states no usage.
    """

    model: str | None = None
    response_id: str | None = None
    tier: str | None = None
    quantities: Mapping[str, int | float | str] = field(default_factory=dict[str, "int | float | str"])


def read_answer(answer: object) -> Answer:
    """Read a response object of the client, or its JSON; what is neither says nothing."""
    usage = _member(answer, "usage")
    quantities = {} if usage is None else _quantities(usage)
    duration = None if quantities else _member(answer, "duration")
    if isinstance(duration, int | float | str) and not isinstance(duration, bool):
        quantities = {"seconds": duration}
    return Answer(
        model=_text(_member(answer, "model")),
        response_id=_text(_member(answer, "id")),
        tier=_text(_member(answer, "service_tier")),
        quantities=quantities,
    )


def answer_in_event(event: object) -> Answer:
    """Read one event of a stream: a chunk of a chat, or an event that may carry a response."""
    response = _member(event, "response")
    return read_answer(event if response is None else response)


def _quantities(usage: object) -> dict[str, int | float | str]:
    if _member(usage, "type") == "duration":
        seconds = _member(usage, "seconds")
        return {"seconds": seconds} if isinstance(seconds, int | float) else {}
    found: dict[str, int | float | str] = {}
    for meter, paths in _METERS.items():
        count = next((value for path in paths if (value := _at(usage, path)) is not None), None)
        if count or (count == 0 and METERS[meter].parent is None):
            found[meter] = count
    return found


def _at(value: object, path: tuple[str, ...]) -> int | None:
    for name in path:
        if value is None:
            return None
        value = _member(value, name)
    return value if isinstance(value, int) else None


def _member(value: object, name: str) -> object:
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get(name)
    return getattr(value, name, None)


def _text(value: object) -> str | None:
    return value or None if isinstance(value, str) else None
