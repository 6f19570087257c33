"""Where encoded batches wait on disk while their collector is away.

A spool is one directory of segment files for one collector; processes share it without talking to each other. A
segment is a row of frames, appended by one process, and whoever reads or appends holds the file's lock, which the
system releases when the process dies. So a segment is delivered by any process that is there later, also twice where
one dies between delivery and removal: the ledger counts a span once. A frame that was torn by a crash ends its segment.

::

    | bytes of body, u32 | CRC-32 of body, u32 | spans, u32 | body: one ExportTraceServiceRequest |
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from spanledger import environment
from spanledger.exceptions import ConfigurationError, OverloadedError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from contextlib import AbstractContextManager

if sys.platform != "win32":
    import fcntl

__all__ = ["Parcel", "Spool", "open_spool"]

DEFAULT_MIB: Final = 256
"""MiB of disk that one collector's spool takes at most; some million spans."""

SEGMENT_BYTES: Final = 1 << 20
"""A segment of this size is closed, so that it can be delivered and removed while others are written."""

_HEADER: Final = struct.Struct(">III")
_SEGMENT: Final = ".spans"
_REFUSED: Final = ".refused"


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """One encoded batch.

    Attributes:
        body: A serialized ``ExportTraceServiceRequest``.
        spans: How many spans are in it.
    """

    body: bytes
    spans: int


def open_spool(endpoint: str) -> Spool | None:
    """The spool of a collector, below ``SPANLEDGER_SPOOL_DIR`` or the user's state directory.

    Nothing is written before something has to wait. None where there is no such directory, or no room is allowed.

    Args:
        endpoint: The collector's address; each has a spool of its own, as each may be another ledger.

    Raises:
        ConfigurationError: ``SPANLEDGER_SPOOL_MIB`` is no number of MiB.
    """
    stated = os.environ.get(environment.SPOOL_MIB, "").strip() or str(DEFAULT_MIB)
    if not stated.isdecimal():
        message = f"{environment.SPOOL_MIB} is {stated!r}; use a whole number of MiB, 0 for no spool"
        raise ConfigurationError(message)
    base = _base_directory()
    if base is None or not int(stated):
        return None
    return Spool(base / hashlib.sha256(endpoint.encode()).hexdigest()[:16], int(stated) << 20)


def _base_directory() -> Path | None:
    own = os.environ.get(environment.SPOOL_DIR, "").strip()
    if own:
        return Path(own)
    state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    if state:
        return Path(state) / "spanledger" / "spool"
    try:
        return Path.home() / ".local" / "state" / "spanledger" / "spool"
    except RuntimeError:  # a user without a home
        return None


class Spool:
    """One collector's segments. Its methods may be called by one thread at a time.

    Args:
        directory: Where the segments are; made, for the user alone, when the first is written.
        most_bytes: What all files in it may take together.
    """

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self.directory = directory
        self._most_bytes = most_bytes
        self._open: BinaryIO | None = None
        self._written = 0

    def append(self, parcel: Parcel) -> None:
        """Write a parcel to disk, and return once it is there.

        Raises:
            OverloadedError: The spool is full.
            OSError: The directory cannot be written.
        """
        frame = _frame(parcel)
        if self._taken() + len(frame) > self._most_bytes:
            message = f"the spool in {self.directory} is full with {self._most_bytes >> 20} MiB"
            raise OverloadedError(message)
        segment = self._open or self._begin()
        before = segment.seek(0, os.SEEK_END)
        try:
            _write_all(segment, frame)
            os.fsync(segment.fileno())
        except OSError:
            self._forget_torn(segment, before)
            raise
        if before + len(frame) >= SEGMENT_BYTES:
            self.release()

    def release(self) -> None:
        """Close the segment that is being written, so that any process may deliver it.

        In a forked child it remains the parent's, which holds the lock.
        """
        segment, self._open = self._open, None
        if segment is not None:
            segment.close()

    def is_empty(self) -> bool:
        """Whether nothing waits for delivery."""
        return not self.waiting()

    def waiting(self) -> list[str]:
        """Names of the segments that wait for delivery, oldest first."""
        return self._names(_SEGMENT)

    def refused(self) -> list[str]:
        """Names of the files with what the collector refused, oldest first; each is read like a segment."""
        return self._names(_REFUSED)

    def oldest(self) -> AbstractContextManager[Segment | None]:
        """Claim the oldest segment that no other process holds, for the length of the block; None if there is none."""
        return self.claim(*self.waiting())

    @contextmanager
    def claim(self, *names: str) -> Generator[Segment | None]:
        """Claim the first of these that is there and that no other process holds, for the length of the block.

        Args:
            names: As :meth:`waiting` and :meth:`refused` tell them.
        """
        claimed = next((segment for name in names if (segment := self._claim(name))), None)
        try:
            yield claimed
        finally:
            if claimed is not None:
                claimed.close()

    def set_aside(self, parcel: Parcel) -> None:
        """Keep a parcel that the collector refuses for a person to look at; it is not delivered again.

        Raises:
            OverloadedError: The spool is full.
            OSError: The directory cannot be written.
        """
        if self._taken() + len(parcel.body) > self._most_bytes:
            message = f"the spool in {self.directory} is full"
            raise OverloadedError(message)
        with self._create(_REFUSED) as file:
            _write_all(file, _frame(parcel))

    def _names(self, suffix: str) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.directory) if name.endswith(suffix))  # noqa: PTH208 - names suffice
        except OSError:
            return []

    def _taken(self) -> int:
        try:
            with os.scandir(self.directory) as entries:
                return sum(entry.stat().st_size for entry in entries)
        except FileNotFoundError:
            return 0

    def _claim(self, name: str) -> Segment | None:
        path = self.directory / name
        try:
            file = path.open("rb")
        except OSError:  # delivered meanwhile, or another user's
            return None
        if _lock(file) and path.exists():
            return Segment(path, file)
        file.close()
        return None

    def _begin(self) -> BinaryIO:
        self._open = self._create(_SEGMENT)
        return self._open

    def _create(self, suffix: str) -> BinaryIO:
        """A new file that nobody sees before it is locked."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._written += 1
        path = self.directory / f"{time.time_ns():020}-{os.getpid()}-{self._written}{suffix}"
        hidden = path.with_suffix(".new")
        file = os.fdopen(os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "wb", buffering=0)
        _lock(file)
        hidden.rename(path)
        return file

    def _forget_torn(self, segment: BinaryIO, size: int) -> None:
        """Take back half a frame; where even that fails, nothing is appended behind it."""
        try:
            segment.truncate(size)
        finally:
            self.release()


class Segment:
    """A claimed segment.

    Args:
        path: Where it is.
        file: The file, locked.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self.is_torn = False
        """Whether reading ended at half a frame, whose spans are lost."""

    def parcels(self) -> Iterator[Parcel]:
        """The parcels, oldest first, up to the end or to half a frame."""
        while header := self._file.read(_HEADER.size):
            if len(header) == _HEADER.size:
                length, checksum, spans = _HEADER.unpack(header)
                body = self._file.read(length)
                if len(body) == length and zlib.crc32(body) == checksum:
                    yield Parcel(body, spans)
                    continue
            self.is_torn = True
            return

    def remove(self) -> None:
        """Remove it, all its parcels having been taken care of."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let it go; what was not removed may be claimed again."""
        self._file.close()


def _frame(parcel: Parcel) -> bytes:
    return _HEADER.pack(len(parcel.body), zlib.crc32(parcel.body), parcel.spans) + parcel.body


def _write_all(file: BinaryIO, content: bytes) -> None:
    """Write everything; a disk that is nearly full takes a part and refuses only the next write."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _lock(file: BinaryIO) -> bool:
    """Take the file's lock; False if another process has it. Without locks two may deliver the same: it counts once."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
