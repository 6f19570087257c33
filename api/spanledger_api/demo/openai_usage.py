"""What the loopback OpenAI service says was used: a plain rule, so that anyone can recount a bill by hand."""

from __future__ import annotations

import io
import re
import wave
from typing import Final

TOKENS_IN_A_MESSAGE_BEYOND_ITS_TEXT: Final = 4
"""Role and separators of one chat message."""

_BYTES_IN_A_TOKEN: Final = 4
_ANSWER_LIMIT = re.compile(r"at most (\d+) tokens")
_UNLIMITED_ANSWER_TOKENS: Final = 64


def text_tokens(text: str) -> int:
    """Tokens of a text: one for every four bytes of UTF-8, rounded up."""
    return -(-len(text.encode()) // _BYTES_IN_A_TOKEN)


def chat_prompt_tokens(texts: list[str]) -> int:
    """Tokens of a chat request whose messages carry these texts."""
    return sum(text_tokens(text) + TOKENS_IN_A_MESSAGE_BEYOND_ITS_TEXT for text in texts)


def chat_answer_tokens(texts: list[str], limit: int | None) -> int:
    """Tokens of the answer: what the last "at most N tokens" of the request asks for, else 64.

    Args:
        texts: The texts of the messages.
        limit: The request's ``max_tokens``, which cuts the answer short; None where it sets none.
    """
    asked = [int(number) for text in texts for number in _ANSWER_LIMIT.findall(text)]
    tokens = asked[-1] if asked else _UNLIMITED_ANSWER_TOKENS
    return tokens if limit is None else min(tokens, limit)


def audio_seconds(recording: bytes) -> float:
    """Length of a WAV recording in seconds, read from its header.

    Raises:
        ValueError: These are not the bytes of a WAV file.
    """
    try:
        with wave.open(io.BytesIO(recording)) as audio:
            frames: int = audio.getnframes()
            rate: int = audio.getframerate()
            return frames / rate
    except (wave.Error, EOFError) as error:
        message = f"not a WAV file: {error}"
        raise ValueError(message) from error
