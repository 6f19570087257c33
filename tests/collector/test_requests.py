"""What a sender may send, and how the rest is refused."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.exceptions import InvalidRequestError
from spanledger_collector.compression import decompress
from spanledger_collector.refusals import BodyTooLargeError
from spanledger_collector.requests import canonical, validate
from tests.collector.otlp_requests import paid, request_of


@given(st.binary(max_size=2000))
def test_compression_is_undone(body: bytes) -> None:
    """Each supported encoding gives the body back, gzip also in several members."""
    assert decompress(body, "") == body
    assert decompress(body, "identity") == body
    assert decompress(gzip.compress(body), "gzip") == body
    assert decompress(gzip.compress(body) + gzip.compress(b"more"), " GZIP ") == body + b"more"
    assert decompress(zlib.compress(body), "deflate") == body


@pytest.mark.parametrize(
    ("body", "encoding", "told"),
    [
        (b"plain", "gzip", "not gzip"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-12], "gzip", "in the middle"),
        (b"plain", "br", "'br' is not supported"),
    ],
)
def test_wrong_compression_is_named(body: bytes, encoding: str, told: str) -> None:
    """A body that is not what its header says is refused with the reason."""
    with pytest.raises(InvalidRequestError, match=told):
        decompress(body, encoding)


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    """A small body that would become a huge one is refused at the limit."""
    bomb = gzip.compress(b"\0" * 50_000_000)

    with pytest.raises(BodyTooLargeError, match="1000000 bytes"):
        decompress(bomb, "gzip", limit=1_000_000)


def test_only_requests_are_valid() -> None:
    """Bytes that are no request, and text that is not UTF-8, are refused; an empty request is one."""
    good = request_of(paid()).SerializeToString()
    validate(good)
    validate(b"")

    for bad in (b"junk", good[:-1], good.replace(b"openai", b"open\xff\xfe")):
        with pytest.raises(InvalidRequestError, match="ExportTraceServiceRequest"):
            validate(bad)


def test_the_canonical_form_drops_what_is_unknown() -> None:
    """A field of a wire type that it does not have is taken out, and every span stays."""
    request = request_of(paid(), paid())
    odd = request.SerializeToString() + b"\x08\x05"

    assert canonical(odd) == request.SerializeToString()
