"""What audio calls use where the answer does not say: the length of the recording, or of the text to speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spanledger.attributes import COST_USAGE_PREFIX
from spanledger.calls.audio_length import audio_seconds, uploaded_file
from spanledger.values import decimal_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from spanledger.calls.openai_endpoints import Endpoint

__all__ = ["measure_of"]

_SAYS_ITSELF: Final = frozenset({"json", "verbose_json", "diarized_json"})
"""Response formats whose answers state the usage or the length; it is measured only where they fail to."""


def measure_of(
    endpoint: Endpoint, body: Mapping[str, object], files: object, *, stream: bool
) -> Callable[[], Mapping[str, str | int]] | None:
    """How to measure the usage of an audio call without its answer.

    Args:
        endpoint: Where the call goes.
        body: Its parameters.
        files: Its uploads.
        stream: Whether the answer is read later, when the upload may be closed already.

    Returns:
        A function that says what was used, as span attributes, empty if it cannot be told; None for all other calls.
    """
    if endpoint.operation == "speech":
        spoken = body.get("input")
        return (lambda: {f"{COST_USAGE_PREFIX}characters": len(spoken)}) if isinstance(spoken, str) else None
    if endpoint.service != "whisper":
        return None
    recording = uploaded_file(files)
    if not stream and body.get("response_format", "json") in _SAYS_ITSELF:
        return lambda: _seconds_used(audio_seconds(recording))
    seconds = audio_seconds(recording)  # now: the call may use the file up
    return lambda: _seconds_used(seconds)


def _seconds_used(seconds: Decimal | None) -> Mapping[str, str | int]:
    return {} if seconds is None else {f"{COST_USAGE_PREFIX}seconds": decimal_text(seconds)}
