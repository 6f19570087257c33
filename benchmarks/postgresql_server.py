"""A private PostgreSQL server for the time of a benchmark: its own directory, reached by a socket in it alone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["is_postgresql_installed", "postgresql_server"]

_DEBIAN = Path("/usr/lib/postgresql")
_SETTINGS = {
    "listen_addresses": "''",
    "shared_buffers": "1GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "8GB",
    # A table that is created and filled in one transaction is not written twice then.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
}


def is_postgresql_installed() -> bool:
    """Whether a server can be started here."""
    return _programs() is not None


@contextmanager
def postgresql_server() -> Generator[psycopg.Connection]:
    """Start a server, lend a connection to its empty database, stop it and delete what it wrote.

    Raises:
        CalledProcessError: It cannot be set up or started.
    """
    programs = _programs()
    assert programs is not None, "ask is_postgresql_installed() first"  # noqa: S101 - a rule for callers
    directory = Path(tempfile.mkdtemp(prefix="spanledger-bench-postgresql-"))
    try:
        if account := _account():
            shutil.chown(directory, account)
        data, socket = directory / "data", directory
        _run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        controlled = (programs / "pg_ctl", "-D", data, "-w", "-t", "60")
        _run(*controlled, "-l", directory / "log", "-o", f"-k {socket} {settings}", "start")
        try:
            with psycopg.connect(host=str(socket), user="postgres", dbname="postgres", autocommit=True) as connection:
                yield connection
        finally:
            _run(*controlled, "-m", "fast", "stop")
    finally:
        shutil.rmtree(directory)


def _programs() -> Path | None:
    """The directory of the newest server's programs."""
    debian = max(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), default=None)
    found = debian or shutil.which("initdb")
    return None if found is None else Path(found).parent


def _account() -> str | None:
    """Whose processes they are; None for this process' own. PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(*command: str | Path) -> None:
    subprocess.run(
        [str(word) for word in command],
        check=True,
        stdout=subprocess.DEVNULL,
        user=_account(),
        extra_groups=None if _account() is None else [],
        cwd="/",
    )
