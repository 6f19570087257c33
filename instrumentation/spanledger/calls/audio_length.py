"""How long a recording is, read from the recording itself, without the caller noticing that it was looked at."""

from __future__ import annotations

import io
import wave
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

__all__ = ["audio_seconds", "uploaded_file"]

_NANOSECOND: Final = Decimal("1e-9")
_WAV_HEADER_BYTES: Final = 12


def uploaded_file(files: object) -> object:
    """The content of the upload named ``file``: bytes or a file object; None if there is none.

    Args:
        files: The uploads of a request, as pairs or as a mapping; each is its content, or a tuple of name and content.
    """
    if not files:
        return None
    pairs = cast("Mapping[str, object]", files).items() if hasattr(files, "items") else files
    for name, upload in cast("Sequence[tuple[str, object]]", pairs):
        if name == "file":
            return cast("tuple[object, ...]", upload)[1] if isinstance(upload, tuple) else upload
    return None


def audio_seconds(recording: object) -> Decimal | None:
    """Seconds of a recording, to the nanosecond; None if its format is unknown or it cannot be read twice.

    Args:
        recording: Bytes, or a file object, whose position is afterwards what it was.
    """
    if isinstance(recording, bytes | bytearray):
        return _seconds(io.BytesIO(recording))
    if not hasattr(recording, "seekable"):
        return None
    file = cast("BinaryIO", recording)
    if file.closed or not file.seekable():
        return None
    position = file.tell()
    try:
        file.seek(0)
        return _seconds(file)
    finally:
        file.seek(position)


def _seconds(file: BinaryIO) -> Decimal | None:
    head = file.read(_WAV_HEADER_BYTES)
    file.seek(0)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        try:
            return _wav_seconds(file)
        except wave.Error:  # not plain samples: the other reader may know the encoding
            file.seek(0)
    return _tagged_seconds(file)


def _wav_seconds(file: BinaryIO) -> Decimal | None:
    with wave.open(file) as audio:
        frames, frame_bytes, rate = (
            audio.getnframes(),
            audio.getnchannels() * audio.getsampwidth(),
            audio.getframerate(),
        )
    data = file.seek(0, io.SEEK_END)
    if not rate or not frame_bytes:
        return None
    if frames * frame_bytes > data:  # a recorder that writes to a pipe cannot go back and state the length
        frames = data // frame_bytes
    return (Decimal(frames) / Decimal(rate)).quantize(_NANOSECOND).normalize()


def _tagged_seconds(file: BinaryIO) -> Decimal | None:
    try:
        from tinytag import TinyTag, TinyTagException  # noqa: PLC0415 - an extra, needed for compressed audio only
    except ImportError:
        return None
    try:
        seconds: float | None = TinyTag.get(file_obj=file).duration
    except TinyTagException:
        return None
    return None if not seconds else Decimal(repr(seconds))
