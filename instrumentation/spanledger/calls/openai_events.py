"""The bytes of a streamed answer, watched as they pass: its usage is read, and what we asked for is taken out again.

A chat stream states its usage only to who asks. Where the engine did not, the request of ours does, and the events
leave here as they would have come: without the ``usage`` member, and without the extra event that carries it. Events
pass whole, which is how the client reads them anyway.
"""

from __future__ import annotations

import json
import re
from typing import Final, cast

from spanledger.calls.openai_usage import Answer, answer_in_event
from spanledger.guard import guarded

__all__ = ["EventReader", "JsonReader"]

_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_STATED: Final = re.compile(rb'"usage"\s*:\s*\{')
_NULL_AFTER: Final = re.compile(rb',\s*"usage"\s*:\s*null')
_NULL_BEFORE: Final = re.compile(rb'"usage"\s*:\s*null\s*,\s*')
_DONE: Final = b"[DONE]"
_SHORT: Final = 64  # bytes: no event that says more than that the stream is done


class EventReader:
    """Reads server-sent events.

    Args:
        strip: Whether the usage was asked for by us alone and has to be taken out.
    """

    def __init__(self, *, strip: bool) -> None:
        self._strip = strip
        self.pending = b""
        """What is held back from the engine: the beginning of an event."""
        self._first: Answer | None = None
        self._stated: Answer | None = None
        self.done = False
        """Whether the stream is at its end."""
        self.events = 0
        """Events that have come so far."""

    @property
    def answer(self) -> Answer:
        """What is known so far: with the usage if it has come."""
        return self._stated or self._first or Answer()

    def feed(self, data: bytes) -> bytes:
        """Take in what has arrived and return what the engine is to see of it, perhaps nothing yet."""
        passed, self.pending = self._read(self.pending + data)
        return passed if self._strip else data

    def end(self) -> bytes:
        """Take note of the end and return what is left for the engine."""
        rest, self.pending = self.pending, b""
        self.done = True
        with guarded("openai.events_end"):
            if rest.lstrip().startswith(b"{"):  # a model that cannot stream answers in one piece
                self._take(rest)
        return rest if self._strip else b""

    def _read(self, data: bytes) -> tuple[bytes, bytes]:
        passed: list[bytes] = []
        start = 0
        for found in _END.finditer(data):
            event = data[start : found.end()]
            start = found.end()
            passed.append(self._event(event))
        return b"".join(passed), data[start:]

    def _event(self, event: bytes) -> bytes:
        self.events += 1
        if len(event) < _SHORT and _data_of(event).strip() == _DONE:
            self.done = True
        elif self._first is None or _STATED.search(event):
            with guarded("openai.event"):
                self._take(_data_of(event))
        return _without_usage(event) if self._strip and b'"usage"' in event else event

    def _take(self, document: bytes) -> None:
        """Keep what a document says: its usage, else whose it is."""
        chunk = _json_object(document)
        if chunk is None:
            return
        answer = answer_in_event(chunk)
        if answer.quantities:
            self._stated = answer
        elif self._first is None:
            self._first = answer


class JsonReader:
    """Collects a JSON document that the engine reads piece by piece; passes every piece as it is.

    Args:
        keep: Whether the answer is JSON; any other one is not kept in memory, as it states nothing.
    """

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._pieces: list[bytes] = []
        self.answer = Answer()
        """What the document says; nothing until it is complete."""
        self.done = False
        """Whether the document is complete."""
        self.events = 0
        """0: a document has no events."""

    def feed(self, data: bytes) -> bytes:
        """Take in a piece."""
        if self._keep:
            self._pieces.append(data)
        return data

    def end(self) -> bytes:
        """Read the document; nothing is left for the engine."""
        self.done = True
        with guarded("openai.document"):
            if self._keep:
                self.answer = answer_in_event(json.loads(b"".join(self._pieces)))
        self._pieces.clear()
        return b""


def _without_usage(event: bytes) -> bytes:
    """An event as it comes to who did not ask for usage; the one that would not come at all is empty."""
    if _STATED.search(event):
        chunk = _json_object(_data_of(event)) or {}
        return b"" if chunk.get("usage") is not None and chunk.get("choices") == [] else event
    changed = _NULL_AFTER.sub(b"", event, count=1)
    return changed if changed != event else _NULL_BEFORE.sub(b"", event, count=1)


def _data_of(event: bytes) -> bytes:
    """The data of an event without its field name."""
    return b"".join(line.removeprefix(b"data:") for line in event.splitlines() if line.startswith(b"data:"))


def _json_object(document: bytes) -> dict[str, object] | None:
    """The JSON object that a document is; None if it is none."""
    try:
        value: object = json.loads(document)
    except ValueError:
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None
