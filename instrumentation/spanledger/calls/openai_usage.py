"""What OpenAI says of an answer that matters for its price, read from its objects and from their JSON alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from spanledger.calls.members import member, member_text
from spanledger.calls.openai_tools import containers_used, fees_due
from spanledger.pricing.meters import METERS

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        fees: Built-in tool to the calls of it that are paid besides.
        containers: Containers in which tools ran, to their memory; None where that is not known.
    """

    model: str | None = None
    response_id: str | None = None
    tier: str | None = None
    quantities: Mapping[str, int | float | str] = field(default_factory=dict[str, "int | float | str"])
    fees: Mapping[str, int] = field(default_factory=dict[str, int])
    containers: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])


def read_answer(answer: object) -> Answer:
    """Read a response object of the client, or its JSON; what is neither says nothing."""
    usage = member(answer, "usage")
    quantities = {} if usage is None else _quantities(usage)
    duration = None if quantities else member(answer, "duration")
    if isinstance(duration, int | float | str) and not isinstance(duration, bool):
        quantities = {"seconds": duration}
    has_items = isinstance(member(answer, "output"), list)
    return Answer(
        model=member_text(answer, "model"),
        response_id=member_text(answer, "id"),
        tier=member_text(answer, "service_tier"),
        quantities=quantities,
        fees=fees_due(answer) if has_items else {},
        containers=containers_used(answer) if has_items else {},
    )


def answer_in_event(event: object) -> Answer:
    """Read one event of a stream: a chunk of a chat, or an event that may carry a response."""
    response = member(event, "response")
    return read_answer(event if response is None else response)


def _quantities(usage: object) -> dict[str, int | float | str]:
    if member(usage, "type") == "duration":
        seconds = member(usage, "seconds")
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
        value = member(value, name)
    return value if isinstance(value, int) else None
