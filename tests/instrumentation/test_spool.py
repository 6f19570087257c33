"""Segments on disk: shared by processes, bounded, and whole or recognisably torn after a crash."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger import environment
from spanledger.exceptions import ConfigurationError, OverloadedError
from spanledger.spool import SEGMENT_BYTES, Parcel, Spool, open_spool

if TYPE_CHECKING:
    from pathlib import Path

LARGE = 1 << 30


def take_all(spool: Spool) -> list[tuple[bytes, int]]:
    """Deliver everything that can be claimed."""
    taken: list[tuple[bytes, int]] = []
    while not spool.is_empty():
        with spool.oldest() as segment:
            if segment is None:
                break
            taken += [(parcel.body, parcel.spans) for parcel in segment.parcels()]
            segment.remove()
    return taken


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(bodies=st.lists(st.binary(max_size=2_000), max_size=10), cut=st.integers(0, 5_000))
def test_a_cut_loses_only_what_is_behind_it(tmp_path: Path, bodies: list[bytes], cut: int) -> None:
    """Wherever a crash tears a segment, the parcels before are read as they were, and the tear is noticed."""
    spool = Spool(tmp_path, LARGE)
    for body in bodies:
        spool.append(Parcel(body, 1))
    spool.release()
    size = 0
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        path.write_bytes(content[: max(0, len(content) - cut)])
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
    with spool.oldest() as segment:
        read = [] if segment is None else [parcel.body for parcel in segment.parcels()]
        if segment is not None:
            assert read == bodies[: len(read)]
            assert segment.is_torn == (12 * len(read) + sum(map(len, read)) != size)
            assert cut or read == bodies
            segment.remove()


def test_parcels_come_back_in_order(tmp_path: Path) -> None:
    """Across segments, with the number of their spans, the oldest first."""
    spool = Spool(tmp_path / "new" / "directory", LARGE)
    sent = [(bytes([number]) * (SEGMENT_BYTES // 3), number) for number in range(7)]
    for body, spans in sent:
        spool.append(Parcel(body, spans))
    spool.release()

    assert len(list(spool.directory.iterdir())) == 3
    assert take_all(spool) == sent
    assert list(spool.directory.iterdir()) == []


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """Spans name users; directory and files are for their owner alone."""
    spool = Spool(tmp_path / "spool", LARGE)
    spool.append(Parcel(b"body", 1))
    spool.release()

    [segment] = spool.directory.iterdir()
    assert stat.S_IMODE(spool.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(segment.stat().st_mode) == 0o600


def test_a_segment_that_is_being_written_is_nobody_elses(tmp_path: Path) -> None:
    """Another process claims it only once its writer has closed it, or is dead."""
    writer, reader = Spool(tmp_path, LARGE), Spool(tmp_path, LARGE)
    writer.append(Parcel(b"one", 1))
    assert take_all(reader) == []

    writer.release()
    assert take_all(reader) == [(b"one", 1)]


def test_a_segment_is_claimed_once(tmp_path: Path) -> None:
    """While one process delivers the oldest segment, another takes the next."""
    first, second = Spool(tmp_path, LARGE), Spool(tmp_path, LARGE)
    for body in (b"one", b"two"):
        first.append(Parcel(body, 1))
        first.release()

    with first.oldest() as held, second.oldest() as other:
        assert held is not None
        assert other is not None
        assert [parcel.body for parcel in held.parcels()] == [b"one"]
        assert [parcel.body for parcel in other.parcels()] == [b"two"]
        with Spool(tmp_path, LARGE).oldest() as nothing:
            assert nothing is None


def test_a_killed_writer_leaves_its_parcels(tmp_path: Path) -> None:
    """SIGKILL in the midst of writing frees the segment for whoever comes next."""
    program = (
        "import os, sys, pathlib\nfrom spanledger.spool import Parcel, Spool\n"
        "Spool(pathlib.Path(sys.argv[1]), 1 << 30).append(Parcel(b'left behind', 2))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == -9

    assert take_all(Spool(tmp_path, LARGE)) == [(b"left behind", 2)]


def test_a_full_spool_says_so(tmp_path: Path) -> None:
    """Segments and what was set aside share one bound; nothing is written beyond it."""
    spool = Spool(tmp_path, 100)
    spool.append(Parcel(b"x" * 50, 1))
    with pytest.raises(OverloadedError, match="full"):
        spool.append(Parcel(b"x" * 50, 1))
    with pytest.raises(OverloadedError, match="full"):
        spool.set_aside(Parcel(b"x" * 50, 1))

    spool.release()
    assert take_all(spool) == [(b"x" * 50, 1)]


def test_half_a_frame_is_taken_back(tmp_path: Path) -> None:
    """A disk that is full in the midst of a frame leaves the frames before it whole, and readable."""
    program = (
        "import pathlib, resource, signal, sys\nfrom spanledger.spool import Parcel, Spool\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "spool = Spool(pathlib.Path(sys.argv[1]), 1 << 30)\n"
        "spool.append(Parcel(b'x' * 50, 1))\n"
        "try: spool.append(Parcel(b'y' * 50, 1))\n"
        "except OSError as error: print(type(error).__name__)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True)

    assert ended.stdout == "OSError\n"
    assert take_all(Spool(tmp_path, LARGE)) == [(b"x" * 50, 1)]


def test_what_is_set_aside_is_not_delivered(tmp_path: Path) -> None:
    """It stays for a person to look at."""
    spool = Spool(tmp_path, LARGE)
    spool.set_aside(Parcel(b"refused", 1))

    assert spool.is_empty()
    [path] = tmp_path.iterdir()
    assert path.read_bytes().endswith(b"refused")


def test_each_collector_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for one ledger is never delivered to another."""
    monkeypatch.setenv(environment.SPOOL_DIR, str(tmp_path))
    spools = [open_spool(f"http://{name}:4318/v1/traces") for name in ("one", "other", "one")]

    directories = [spool.directory for spool in spools if spool is not None]
    assert directories[0] == directories[2]
    assert directories[0] != directories[1]
    assert {directory.parent for directory in directories} == {tmp_path}


def test_the_state_directory_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of XDG, else the home's; without any, or with no room, there is no spool."""
    monkeypatch.delenv(environment.SPOOL_DIR)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    spool = open_spool("http://collector")
    assert spool is not None
    assert spool.directory.is_relative_to(tmp_path / "spanledger" / "spool")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    spool = open_spool("http://collector")
    assert spool is not None
    assert spool.directory.is_relative_to(tmp_path / ".local" / "state" / "spanledger")

    monkeypatch.setenv(environment.SPOOL_MIB, "0")
    assert open_spool("http://collector") is None
    monkeypatch.setenv(environment.SPOOL_MIB, "much")
    with pytest.raises(ConfigurationError, match="much"):
        open_spool("http://collector")
