"""What every test may use: one embedded ledger a process, since the engine allows one."""

from __future__ import annotations

import atexit
import functools
import gc
import os
import signal
import ssl
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import certifi
import pytest

from spanledger_clickhouse.ledger import Ledger, open_ledger
from spanledger_clickhouse.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from _typeshed import ReadableBuffer, StrOrBytesPath

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only a directory of the user's own below it is written to
_ROOM_BYTES: Final = 4 * 1024**3
TRUSTS_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For requests without TLS from processes that share no context, as :func:`_read_root_certificates_once` lets tests."""

_LONGEST_FIRST: Final = (
    *("clients", "end_to_end", "instrumentation/test_process_exit.py", "instrumentation/test_faults.py"),
    *("documentation", "clickhouse", "dashboard", "api"),
)
"""Folders and files of these tests; what is not among them comes last, in files of a few seconds each."""


def pytest_configure() -> None:
    """Set up what test processes, and the hundreds of processes that they start, inherit."""
    _keep_bytecode()
    _write_to_memory()
    _heed_interrupts()
    _multiply_alone()
    _read_root_certificates_once()


def _keep_bytecode() -> None:
    """Keep bytecode in .cache where nobody wants it beside the sources.

    A server that has to compile all that it imports takes twice as long to start.
    """
    if sys.dont_write_bytecode:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parents[1] / ".cache" / "bytecode")
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"]
        sys.dont_write_bytecode = False


def _write_to_memory() -> None:
    """Let tests write to memory where there is room for it: with a disk, waiting for it is most of their time.

    A directory that was asked for by TMPDIR stays.
    """
    if "TMPDIR" in os.environ or not _MEMORY.is_dir():
        return
    told = os.statvfs(_MEMORY)
    if told.f_bavail * told.f_frsize >= _ROOM_BYTES and not told.f_flag & os.ST_NOEXEC:
        directory = _MEMORY / f"spanledger-tests-{os.getuid()}"
        directory.mkdir(mode=0o700, exist_ok=True)
        os.environ["TMPDIR"] = str(directory)
        tempfile.tempdir = None  # it was looked up before anybody could set it


def _heed_interrupts() -> None:
    """Let processes that tests start be interrupted, also where these tests run in the background of a shell.

    A shell has what it runs in the background ignore SIGINT, which every process below inherits.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _multiply_alone() -> None:
    """Let numpy start no threads: the engine loads it in every process, where they spin for a tenth of a second."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _read_root_certificates_once() -> None:
    """Let all clients that trust what the machine trusts share one context: each reads the certificates for 20 ms.

    A client makes one although it speaks without TLS. Who states certificates of their own gets a context of their own.
    """
    make = ssl.create_default_context

    @functools.cache
    def shared(cafile: StrOrBytesPath | None, *_told: str | None) -> ssl.SSLContext:
        return make(cafile=cafile)

    def create_default_context(
        purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH,
        *,
        cafile: StrOrBytesPath | None = None,
        capath: StrOrBytesPath | None = None,
        cadata: str | ReadableBuffer | None = None,
    ) -> ssl.SSLContext:
        told = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
        known = (None, certifi.where(), told[0])
        if purpose is ssl.Purpose.SERVER_AUTH and cafile in known and capath is None and cadata is None:
            return shared(cafile, *told)
        return make(purpose, cafile=cafile, capath=capath, cadata=cadata)

    ssl.create_default_context = create_default_context


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while modules are imported, which make hardly any: it takes a third of the time.

    Afterwards, look for it less often than the interpreter would: that took a twentieth of the time. At the exit it
    goes with the process.
    """
    atexit.register(gc.freeze)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that at the end no process waits for another that has just begun one."""
    places = [Path(__file__).parent / each for each in _LONGEST_FIRST]

    @functools.cache
    def place(path: Path) -> int:
        return next((number for number, each in enumerate(places) if path.is_relative_to(each)), len(places))

    items.sort(key=lambda item: place(item.path))


@pytest.fixture(scope="session")
def migrated_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """An embedded ledger with the current schema, kept for all tests of the process."""
    directory: Path = tmp_path_factory.mktemp("ledger")
    with open_ledger(f"chdb://{directory}") as ledger:
        migrate(ledger)
        yield ledger


@pytest.fixture
def ledger(migrated_ledger: Ledger) -> Ledger:
    """The embedded ledger, emptied."""
    return emptied(migrated_ledger)


def emptied(ledger: Ledger) -> Ledger:
    """The same ledger without rows, for tests that share what they store."""
    # Emptying a table takes as long when there is nothing in it, and most of thirty never have anything.
    stored = ledger.query(
        "SELECT DISTINCT table FROM system.parts "
        "WHERE active AND database = currentDatabase() AND table != 'schema_migrations'"
    )
    for table in stored:
        ledger.command(f"TRUNCATE TABLE {table['table']}")
    return ledger
