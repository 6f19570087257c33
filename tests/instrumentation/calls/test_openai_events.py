"""The bytes of a stream: whatever the network makes of them, the engine sees those that it would have seen."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spanledger.calls.openai_events import EventReader, JsonReader
from spanledger.calls.openai_withholding import Withholding

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])
ENDS = st.sampled_from([b"\n\n", b"\r\n\r\n"])
TEXTS = st.one_of(st.text(max_size=12), st.sampled_from([',"usage":null', '"usage":{"a":1}', "data: [DONE]\n\n"]))


def wire(chunks: list[dict[str, Any]], separators: tuple[str, str], end: bytes) -> bytes:
    """Events of a stream as they go over the wire."""
    events = [b"data: " + json.dumps(chunk, separators=separators).encode() + end for chunk in chunks]
    return b"".join(events) + b"data: [DONE]" + end


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data, parted at some places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:stop] for start, stop in pairwise(places)]


@given(st.lists(TEXTS, max_size=4), st.lists(st.integers(0, 2_000), max_size=6), SEPARATORS, ENDS, st.booleans())
def test_only_what_we_asked_for_is_taken_out(
    texts: list[str],
    cuts: list[int],
    separators: tuple[str, str],
    end: bytes,
    first: bool,  # noqa: FBT001 - drawn
) -> None:
    """For any text, any cut and either order of members, the rest is the stream without usage, byte for byte."""
    plain = [{"id": "c", "model": "m", "choices": [{"delta": {"content": text}}]} for text in texts]
    null: dict[str, Any] = {"usage": None}
    with_null = [null | chunk if first else chunk | null for chunk in plain]
    usage: dict[str, Any] = {"id": "c", "model": "m", "choices": [], "usage": USAGE}
    reader = EventReader(strip=True)

    seen = b"".join(reader.feed(piece) for piece in in_pieces(wire([*with_null, usage], separators, end), cuts))

    assert seen + reader.end() == wire(plain, separators, end)
    assert reader.answer.quantities == {"input_tokens": 7, "output_tokens": 3}
    assert reader.done
    stand_in = Withholding()
    seen = b"".join(stand_in.feed(piece) for piece in in_pieces(wire([*with_null, usage], separators, end), cuts))
    assert seen + stand_in.end() == wire(plain, separators, end)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_bytes_that_are_no_events_pass(data: bytes, cuts: list[int], strip: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever comes goes on."""
    for reader in (EventReader(strip=strip), Withholding()):
        seen = b"".join(reader.feed(piece) for piece in in_pieces(data, cuts)) + reader.end()

        assert seen == data


def test_events_pass_at_once_where_nothing_is_taken_out() -> None:
    """An engine that asked for usage waits for no event to be complete."""
    reader = EventReader(strip=False)

    assert reader.feed(b'data: {"choi') == b'data: {"choi'
    assert reader.feed(b'ces":[],"usage":{"prompt_tokens":7}}\n\n') == b'ces":[],"usage":{"prompt_tokens":7}}\n\n'
    assert reader.answer.quantities == {"input_tokens": 7}


def test_an_answer_in_one_piece_is_read_in_a_stream() -> None:
    """A model that cannot stream answers as if it had not been asked to."""
    reader = EventReader(strip=True)
    document = b'{"text": "hello", "usage": {"type": "duration", "seconds": 9}}'

    assert reader.feed(document) + reader.end() == document
    assert reader.answer.quantities == {"seconds": 9}


def test_a_document_is_read_when_it_is_complete() -> None:
    """Pieces pass as they come; what is no JSON is not even kept."""
    kept, passed = JsonReader(keep=True), JsonReader(keep=False)

    assert [kept.feed(b'{"usage": {"input_'), kept.feed(b'tokens": 1}}')] == [b'{"usage": {"input_', b'tokens": 1}}']
    assert passed.feed(b'{"usage": {"input_tokens": 1}}') == b'{"usage": {"input_tokens": 1}}'
    assert kept.answer.quantities == {}
    kept.end()
    passed.end()
    assert kept.answer.quantities == {"input_tokens": 1}
    assert passed.answer.quantities == {}
