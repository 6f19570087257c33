"""Requests that were acknowledged but cannot be loaded: kept apart, each with its reason."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Quarantine", "QuarantinedRequest"]

_NOTE = ".json"


@dataclass(frozen=True, slots=True)
class QuarantinedRequest:
    """One request that was set aside.

    Attributes:
        path: The request's file: one OTLP request in protobuf, as it was sent.
        reason: What the engine said of it.
        set_aside_ns: When, in nanoseconds since the epoch.
    """

    path: Path
    reason: str
    set_aside_ns: int


class Quarantine:
    """A directory with two files a request: the request itself, and why it is here.

    Args:
        directory: Where the files lie; created when first needed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def add(self, body: bytes, *, reason: str) -> QuarantinedRequest:
        """Set one request aside. The reason is written last, so a request without one is not complete yet."""
        self.directory.mkdir(parents=True, exist_ok=True)
        moment = time.time_ns()
        path = self.directory / f"{moment:020d}-{uuid.uuid4().hex[:8]}.otlp"
        path.write_bytes(body)
        path.with_suffix(_NOTE).write_text(json.dumps({"reason": reason, "set_aside_ns": moment}))
        return QuarantinedRequest(path, reason, moment)

    def remove(self, entry: QuarantinedRequest) -> None:
        """Forget a request that was sent again; its note goes first, so that no note is left without a request."""
        entry.path.with_suffix(_NOTE).unlink(missing_ok=True)
        entry.path.unlink(missing_ok=True)

    def entries(self) -> list[QuarantinedRequest]:
        """Everything that was set aside, oldest first."""
        found: list[QuarantinedRequest] = []
        for note in sorted(self.directory.glob(f"*{_NOTE}")):
            told = json.loads(note.read_text())
            found.append(QuarantinedRequest(note.with_suffix(".otlp"), str(told["reason"]), int(told["set_aside_ns"])))
        return found
