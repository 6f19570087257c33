"""How an upload's bytes arrive at S3: plain or in chunks, with a checksum before or behind them."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import TYPE_CHECKING

from spanledger_api.demo.s3_errors import bad_digest, incomplete_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _crc32(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def _sha1(content: bytes) -> bytes:
    return hashlib.sha1(content, usedforsecurity=False).digest()


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "content-md5": _md5,
    "x-amz-checksum-crc32": _crc32,
    "x-amz-checksum-sha1": _sha1,
    "x-amz-checksum-sha256": _sha256,
}


def entity_tag(content: bytes) -> str:
    """The ETag of an object or part, quotes included."""
    return f'"{_md5(content).hex()}"'


def received_content(body: bytes, headers: Mapping[str, str]) -> bytes:
    """The object's bytes in a request body, freed of chunk framing and checked against every checksum that came along.

    Args:
        body: The request's body.
        headers: The request's headers, names in lower case.

    Raises:
        S3RefusalError: The bytes do not have the checksum that the client sent, or end before the last chunk.
    """
    content, sent = body, dict(headers)
    if "aws-chunked" in headers.get("content-encoding", ""):
        content, trailers = _unchunked(body)
        sent |= trailers
    for name, checksum in _CHECKSUMS.items():
        if name in sent and base64.b64decode(sent[name]) != checksum(content):
            raise bad_digest(name)
    return content


def _unchunked(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Content and trailing headers of a body of ``size[;signature] CRLF bytes CRLF … 0 CRLF trailers``."""
    chunks: list[bytes] = []
    position = 0
    while True:
        line_end = body.find(b"\r\n", position)
        if line_end < 0:
            raise incomplete_body()
        size = int(body[position:line_end].split(b";")[0], 16)
        position = line_end + 2
        if size == 0:
            break
        chunks.append(body[position : position + size])
        position += size + 2
    lines = body[position:].decode().split("\r\n")
    trailers = {name.lower(): value for name, _, value in (line.partition(":") for line in lines) if value}
    return b"".join(chunks), trailers
