"""DSNs: what they say and how they are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from spanledger.exceptions import ConfigurationError
from spanledger_clickhouse.dsn import Dsn, parse_dsn


def test_names_an_embedded_engine() -> None:
    """Three slashes give an absolute directory and the default database."""
    assert parse_dsn("chdb:///var/lib/ledger") == Dsn(path=Path("/var/lib/ledger"))


def test_resolves_a_relative_directory() -> None:
    """Two slashes and a dot give a directory below the current one."""
    assert parse_dsn("chdb://./data").path == Path.cwd() / "data"


def test_names_a_server() -> None:
    """User, password, host, port, database, TLS and settings all come out of one string."""
    dsn = parse_dsn("clickhouse://ann:p%40ss@ledger.example:9443/books?secure=true&max_threads=2")

    assert dsn == Dsn(
        host="ledger.example",
        port=9443,
        username="ann",
        password="p@ss",  # noqa: S106 - the password of nothing
        secure=True,
        database="books",
        settings={"max_threads": "2"},
    )
    assert "p@ss" not in repr(dsn)


def test_names_a_cluster() -> None:
    """The cluster is no setting of the engine's."""
    dsn = parse_dsn("clickhouse://ledger.example?cluster=ledgers-1&max_threads=2")

    assert (dsn.cluster, dsn.settings) == ("ledgers-1", {"max_threads": "2"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("chdb:///data?cluster=c", "only servers form"),
        ("clickhouse://host/db?cluster=a'b", "letters, digits, hyphens"),
        ("chdb://", "names no directory"),
        ("postgres://secret@host/x", "chdb:///directory or clickhouse://"),
        ("ledger", "'ledger'"),
        ("clickhouse://host:http/db", "'http'"),
        ("clickhouse://host:70000/db", "'70000'"),
    ],
)
def test_refuses_what_is_no_dsn(text: str, told: str) -> None:
    """A wrong DSN is refused with the part that is wrong or the forms that are right, and no password."""
    with pytest.raises(ConfigurationError) as caught:
        parse_dsn(text)

    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
