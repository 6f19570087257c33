"""Answers on their way out: in parts, framed or compressed as the client asked."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.http_interface.block_frames import write_frames
from spanledger_clickhouse.http_interface.catalogue import content_type
from spanledger_clickhouse.http_interface.content_coding import compressor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spanledger_clickhouse.http_interface.failures import StatementError
    from spanledger_clickhouse.http_interface.request import Request

__all__ = ["Answer", "Packed", "Summary", "common_headers", "pack", "refusal"]


@dataclass(slots=True)
class Summary:
    """What a statement took, for ``X-ClickHouse-Summary``; 0 where it is not known when the answer begins."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed_ns: int = 0

    def text(self) -> str:
        """JSON with the numbers as strings, as clients expect them."""
        names = ("read_rows", "read_bytes", "written_rows", "written_bytes", "result_rows", "elapsed_ns")
        return json.dumps({name: str(getattr(self, name)) for name in names})


@dataclass(slots=True)
class Answer:
    """What a statement produced.

    Attributes:
        parts: The body, in parts that are made as they are taken; closing the iterator ends the statement.
        output_format: Format of the body; None if there is none.
        summary: What it took.
        resources: Held until the answer was sent or given up; close them in either case.
    """

    parts: Iterator[bytes]
    output_format: str | None = None
    summary: Summary = field(default_factory=Summary)
    resources: ExitStack = field(default_factory=ExitStack)


@dataclass(slots=True)
class Packed:
    """An answer ready to be sent: status, headers, the body in parts, and what to close afterwards."""

    status: int
    headers: dict[str, str]
    parts: Iterator[bytes]
    resources: ExitStack = field(default_factory=ExitStack)


_DISPLAY_NAME: Final = "spanledger"


def common_headers(query_id: str) -> dict[str, str]:
    """Headers of every answer, refusals included."""
    return {
        "x-clickhouse-server-display-name": _DISPLAY_NAME,
        "x-clickhouse-query-id": query_id,
        "x-clickhouse-timezone": "UTC",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }


def pack(answer: Answer, request: Request, query_id: str) -> Packed:
    """Frame or compress an answer as its request asks."""
    headers = common_headers(query_id)
    headers["x-clickhouse-summary"] = answer.summary.text()
    headers["content-type"] = "text/plain; charset=UTF-8"
    if answer.output_format is not None:
        headers["x-clickhouse-format"] = answer.output_format
        headers["content-type"] = content_type(answer.output_format)
    parts = answer.parts
    if request.framed_answer:
        parts = _framed(parts)
    if chosen := compressor(request.accepted_encodings):
        headers["content-encoding"] = chosen[0]
        headers["vary"] = "Accept-Encoding"
        parts = _compressed(parts, chosen[1].compress, chosen[1].flush)
    return Packed(200, headers, parts, answer.resources)


def refusal(error: StatementError, request: Request, query_id: str) -> Packed:
    """The answer that says why there is none; framed too where answers are, since clients undo that first."""
    headers = common_headers(query_id)
    headers["x-clickhouse-exception-code"] = str(error.code)
    headers["content-type"] = "text/plain; charset=UTF-8"
    body = error.text.encode(errors="replace")
    return Packed(error.http_status, headers, iter((write_frames(body) if request.framed_answer else body,)))


def _framed(parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield write_frames(part)


def _compressed(
    parts: Iterator[bytes], compress: Callable[[bytes], bytes], flush: Callable[[], bytes]
) -> Iterator[bytes]:
    empty = True
    for part in parts:
        empty = empty and not part
        yield compress(part)
    if not empty:
        yield flush()
