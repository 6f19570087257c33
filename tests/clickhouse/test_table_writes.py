"""Whether tables were written to, however that came about, and what is kept because they were not."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from spanledger_clickhouse.dsn import parse_dsn
from spanledger_clickhouse.table_writes import NO_BLOCKS, Kept, TableWrites

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.table_writes import Blocks

_TABLE = "alert_settings_local"
_INSERT = f"INSERT INTO {_TABLE} (kind, id, is_deleted, changed_at) SELECT 'rule', {{id:String}}, 0, now64(6)"


def _write(ledger: Ledger, setting: str = "a") -> None:
    ledger.command(_INSERT, {"id": setting})


def _tables(writes: TableWrites, *tables: str) -> Mapping[str, Blocks]:
    written = writes.of(*(tables or (_TABLE,)))
    assert written is not None
    return written.tables


@pytest.mark.parametrize(
    "change",
    [
        f"INSERT INTO {_TABLE} SELECT * FROM {_TABLE} LIMIT 1",  # noqa: S608 - its own name
        f"ALTER TABLE {_TABLE} DELETE WHERE id = 'a' SETTINGS mutations_sync = 2",
        f"DELETE FROM {_TABLE} WHERE id = 'a'",  # noqa: S608 - its own name
        f"TRUNCATE TABLE {_TABLE}",
    ],
)
def test_every_change_is_noticed(ledger: Ledger, change: str) -> None:
    """An insert, a mutation and a removal each change what is written, whoever makes them."""
    _write(ledger)
    _write(ledger, "b")
    writes = TableWrites(ledger)
    before = _tables(writes)

    client = ledger.connect()
    client.command(change)
    client.close()

    assert _tables(writes) != before


def test_a_merge_is_no_change(ledger: Ledger) -> None:
    """What a merge puts together was there before, and a look in between changes nothing either."""
    _write(ledger)
    _write(ledger, "b")
    writes = TableWrites(ledger)
    before = _tables(writes)

    ledger.command(f"OPTIMIZE TABLE {_TABLE} FINAL")

    assert ledger.query(f"SELECT count() AS parts FROM system.parts WHERE active AND table = '{_TABLE}'")[0] == {  # noqa: S608 - its own name
        "parts": 1
    }
    assert _tables(writes) == before


def test_a_later_state_continues_an_earlier_one(ledger: Ledger) -> None:
    """What comes after a look has greater numbers, also where there was nothing; after a removal it has not."""
    writes = TableWrites(ledger)
    empty = _tables(writes)[_TABLE]
    _write(ledger)
    first = _tables(writes)[_TABLE]
    _write(ledger)
    second = _tables(writes)[_TABLE]

    assert empty == NO_BLOCKS
    assert first.continues(empty)
    assert second.continues(first)
    assert not first.continues(second)
    assert not empty.continues(first)


def test_the_moment_is_the_ledgers(ledger: Ledger) -> None:
    """A look says when it was made, aware of its zone."""
    written = TableWrites(ledger).of(_TABLE)

    assert written is not None
    assert abs((datetime.now(UTC) - written.now).total_seconds()) < 60


def test_a_look_is_shared_for_its_time(ledger: Ledger) -> None:
    """Who asks again within it gets the same answer, except about a table that nobody asked of before."""
    shared, own = TableWrites(ledger, shared_seconds=3600), TableWrites(ledger)
    before = _tables(shared), _tables(own)
    _write(ledger)

    assert _tables(shared) == before[0]
    assert _tables(own) != before[1]
    assert _tables(shared, _TABLE, "alerts_local")[_TABLE] == _tables(own)[_TABLE]


def test_what_was_read_is_kept_until_somebody_writes(ledger: Ledger) -> None:
    """Without a write nothing is read again; after one of somebody else it is, once."""
    reads = count(1)
    kept = Kept(TableWrites(ledger), (_TABLE, "alerts_local"), lambda: next(reads))
    assert [kept.value(), kept.value()] == [1, 1]

    _write(ledger)

    assert [kept.value(), kept.value()] == [2, 2]


def test_a_write_during_the_reading_is_noticed(ledger: Ledger) -> None:
    """What is written after the look and before the reading is over makes the next one read again."""
    reads = count(1)

    def reading() -> int:
        read = next(reads)
        if read == 1:
            _write(ledger)
        return read

    kept = Kept(TableWrites(ledger), (_TABLE,), reading)

    assert [kept.value(), kept.value(), kept.value()] == [1, 2, 2]


def _server(dsn: str, *parts: dict[str, object]) -> Ledger:
    def query(_sql: str, _parameters: Mapping[str, object]) -> list[dict[str, object]]:
        return list(parts)

    return cast("Ledger", SimpleNamespace(dsn=parse_dsn(dsn), query=query))


def _part(table: str, engine: str) -> dict[str, object]:
    path = "/var/lib/clickhouse/store/abc/abcdef01-0000-4000-8000-000000000000/all_1_7_1_9/"
    return {"table": table, "engine": engine, "path": path, "name": "all_1_7_1_9", "now": datetime.now(UTC)}


def test_on_a_server_the_parts_of_its_own_tables_tell() -> None:
    """The names of the parts say the newest block and the newest mutation, and the path whose they are."""
    writes = TableWrites(_server("clickhouse://localhost/db", _part(_TABLE, "ReplacingMergeTree")))

    assert _tables(writes)[_TABLE] == ("abcdef01-0000-4000-8000-000000000000", 9, 9)


@pytest.mark.parametrize(
    "server",
    [
        _server("clickhouse://localhost/db?cluster=c", _part(_TABLE, "ReplacingMergeTree")),
        _server("clickhouse://localhost/db", _part(_TABLE, "ReplicatedReplacingMergeTree")),
        _server("clickhouse://localhost/db", _part(_TABLE, "SharedMergeTree")),
        _server("clickhouse://localhost/db", _part("alerts_local", "ReplacingMergeTree")),
        _server("clickhouse://localhost/db"),
    ],
)
def test_where_parts_do_not_tell_everything_is_read(server: Ledger) -> None:
    """One replica's parts say nothing of another's, and no parts on a server nothing at all: each call reads."""
    reads = count(1)
    assert TableWrites(server).of(_TABLE) is None
    kept = Kept(TableWrites(server), (_TABLE,), lambda: next(reads))

    assert [kept.value(), kept.value()] == [1, 2]


def test_where_parts_do_not_tell_what_was_read_may_be_kept_for_a_time() -> None:
    """Who says for how long gets the same for so long."""
    reads = count(1)
    writes = TableWrites(_server("clickhouse://localhost/db"))
    kept = Kept(writes, (_TABLE,), lambda: next(reads), seconds=3600)

    assert [kept.value(), kept.value()] == [1, 1]
