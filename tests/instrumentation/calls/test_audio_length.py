"""The length of recordings, from their own bytes."""

from __future__ import annotations

import io
import struct
from decimal import Decimal

import pytest

from spanledger.calls.audio_length import audio_seconds, uploaded_file
from tests.instrumentation.calls.openai_calls import recording


def mp3(frames: int) -> bytes:
    """Silent MP3 of constant bit rate: MPEG-1 layer III, 128 kbit/s, 44.1 kHz; 1,152 samples in 417 bytes."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * frames


def flac(samples: int, rate: int) -> bytes:
    """The head of a FLAC file: a stream of one channel with 16 bits a sample."""
    packed = (rate << 44) | (15 << 36) | samples
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC" + b"\x80" + len(info).to_bytes(3, "big") + info


@pytest.mark.parametrize(("seconds", "exact"), [(90, "90"), (0.001, "0.001"), (1.5, "1.5")])
def test_wav_is_exact(seconds: float, exact: str) -> None:
    """Samples by rate."""
    assert audio_seconds(recording(seconds)) == Decimal(exact)


def test_wav_whose_writer_could_not_state_its_length() -> None:
    """A recorder that writes to a pipe leaves the largest number in the header; the bytes tell."""
    wav = bytearray(recording(90))
    wav[40:44] = b"\xff\xff\xff\xff"

    seconds = audio_seconds(bytes(wav))

    assert seconds is not None
    assert abs(seconds - 90) < Decimal("0.1")


def test_compressed_formats_are_read() -> None:
    """MP3 by its frames, FLAC by its head."""
    assert audio_seconds(flac(44_100 * 90, 44_100)) == 90
    seconds = audio_seconds(mp3(383))
    assert seconds is not None
    assert abs(seconds - 10) < Decimal("0.05")


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVE", b"no audio", b"\xff\xfb", "text", 7, None])
def test_what_cannot_be_read_has_no_length(data: object) -> None:
    """None, never 0 and never an error."""
    assert audio_seconds(data) is None


def test_a_file_is_where_it_was() -> None:
    """Its position survives, readable or not."""
    for content in (recording(2), b"no audio"):
        file = io.BytesIO(content)
        file.seek(3)
        audio_seconds(file)
        assert file.tell() == 3
    file.close()
    assert audio_seconds(file) is None


def test_the_upload_is_found_in_every_form() -> None:
    """Pairs, mappings, tuples with a name; None where there is none."""
    for files in ([("file", b"x")], {"file": b"x"}, [("image", b"y"), ("file", ("name", b"x"))]):
        assert uploaded_file(files) == b"x"
    assert uploaded_file(None) is None
    assert uploaded_file([("image", b"y")]) is None
