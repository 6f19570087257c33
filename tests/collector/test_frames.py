"""Frames: what was written whole is read back, and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spanledger_collector.frames import frame, read_frames, whole_length

_bodies = st.lists(st.binary(max_size=300), max_size=8)


@given(_bodies)
def test_whole_frames_are_read_back(bodies: list[bytes]) -> None:
    """Every body comes back, in order and unchanged."""
    data = b"".join(map(frame, bodies))

    assert list(read_frames(data)) == bodies
    assert whole_length(data) == len(data)


@given(_bodies, st.data())
def test_a_cut_loses_only_the_frame_it_hits(bodies: list[bytes], data: st.DataObject) -> None:
    """Of a file cut anywhere, exactly the frames before the cut are whole."""
    frames = list(map(frame, bodies))
    written = b"".join(frames)
    cut = data.draw(st.integers(0, len(written)))
    kept: list[bytes] = []
    length = 0
    for body, framed in zip(bodies, frames, strict=True):
        if length + len(framed) > cut:
            break
        kept.append(body)
        length += len(framed)

    assert list(read_frames(written[:cut])) == kept
    assert whole_length(written[:cut]) == length


@given(st.lists(st.binary(min_size=1, max_size=100), min_size=1, max_size=5), st.data())
def test_a_damaged_frame_is_never_read(bodies: list[bytes], data: st.DataObject) -> None:
    """Whichever bit of the last body flips, the checksum notices."""
    written = bytearray(b"".join(map(frame, bodies)))
    position = len(written) - 5 - data.draw(st.integers(1, len(bodies[-1])))
    written[position] ^= 1 << data.draw(st.integers(0, 7))

    assert list(read_frames(bytes(written))) == bodies[:-1]


def test_an_endless_length_is_no_frame() -> None:
    """A length that never ends, or that ends beyond the file, is read as nothing."""
    assert list(read_frames(b"\xff" * 20)) == []
    assert list(read_frames(b"\x01\x00")) == []
