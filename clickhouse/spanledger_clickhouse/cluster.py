"""The same migrations on a cluster: each statement is rewritten, so there is one set of SQL files.

A table ``x`` of the migrations becomes two. ``x_shard`` (without ``_local``) holds the rows, replicated within its
shard; ``x`` is a Distributed table over it, so that every statement of the program means the whole ledger. Materialised
views work from shard's table to shard's table, where the span is. Views stay as they are.

Rows made of a span lie by its trace identifier, so every delivery of a span meets the earlier ones on one shard, and
FINAL there is FINAL of the ledger. Everything else is small and lies on the first shard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import MigrationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CLUSTER_SETTINGS", "Cluster", "StoredTable", "shard_name"]

CLUSTER_SETTINGS: Final = {
    # An insert is answered when the shards have it, not when it waits on the disk of the node that took it.
    "distributed_foreground_insert": "1",
    # A subquery means the whole ledger, never the part of it that one shard has.
    "distributed_product_mode": "global",
    # What is grouped while it is inserted must be grouped over all shards first.
    "parallel_distributed_insert_select": "0",
    # Everybody reads and writes the first replica that lives: replicas follow each other by moments, and amounts must
    # not go back and forth between two readings.
    "load_balancing": "in_order",
    "prefer_localhost_replica": "0",
}
"""Settings of every statement on a cluster; users who connect by themselves need them in their profile."""

_CREATE_TABLE: Final = re.compile(r"CREATE TABLE IF NOT EXISTS (?P<name>\w+)\s*(?=\()")
_CREATE_MATERIALIZED: Final = re.compile(
    r"CREATE MATERIALIZED VIEW IF NOT EXISTS (?P<name>\w+) TO (?P<target>\w+) AS\b"
)
_CREATE_VIEW: Final = re.compile(r"CREATE (?:OR REPLACE )?VIEW (?:IF NOT EXISTS )?(?P<name>\w+)(?= AS\b)")
_ALTER: Final = re.compile(r"ALTER TABLE (?P<name>\w+)\s+(?P<kind>[A-Z]+ [A-Z]+)\b")
_DROP: Final = re.compile(r"DROP (?:TABLE|VIEW) IF EXISTS (?P<name>\w+)")
_ACCESS: Final = re.compile(
    r"(?:CREATE (?:SETTINGS PROFILE|ROLE|QUOTA|USER) IF NOT EXISTS|ALTER USER) (?P<name>\w+)", re.DOTALL
)
_GRANT_ROLE: Final = re.compile(r"GRANT (?P<role>\w+) TO (?P<user>\w+)\Z")
_GRANT_SELECT: Final = re.compile(r"GRANT SELECT ON (?P<name>\w+) TO (?P<role>\w+)\Z")
_ENGINE: Final = re.compile(r"^ENGINE = (?P<engine>\w*MergeTree)\b(?:\((?P<arguments>[^()]*)\))?", re.MULTILINE)
_SORTING_KEY: Final = re.compile(r"^ORDER BY (?P<key>.+)$", re.MULTILINE)
_BINARY_TRACE: Final = re.compile(r"^\s*trace_id\s+FixedString\(16\)", re.MULTILINE)
_TEXT_TRACE: Final = re.compile(r"^\s*TraceId\s+String\b", re.MULTILINE)
_WORD: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\b\w+\b")

_BY_TRACE: Final = "cityHash64(trace_id)"
_BY_TRACE_TEXT: Final = "cityHash64(toFixedString(substring(unhex(TraceId), 1, 16), 16))"
_FIRST_SHARD: Final = "0"

_OF_COLUMNS: Final = frozenset({"ADD COLUMN", "DROP COLUMN", "MODIFY COLUMN", "RENAME COLUMN", "COMMENT COLUMN"})
_OF_STORAGE: Final = frozenset({
    "REMOVE TTL", "ADD INDEX", "DROP INDEX", "MATERIALIZE INDEX", "MODIFY SETTING", "RESET SETTING", "MODIFY TTL",
    "ADD PROJECTION", "DROP PROJECTION", "MATERIALIZE PROJECTION", "MATERIALIZE COLUMN", "DELETE WHERE",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table that holds rows.

    Attributes:
        name: What statements call it.
        engine: Its engine on a single server.
        shard_key: SQL of the number that chooses a row's shard; a property of the span alone, so that repeats meet.
    """

    name: str
    engine: str
    shard_key: str

    @property
    def shard_name(self) -> str:
        """What the part of it on each shard is called."""
        return shard_name(self.name)


def shard_name(table: str) -> str:
    """What the part of a stored table on each shard is called."""
    return f"{table.removesuffix('_local')}_shard"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where and what is rewritten.

    Attributes:
        name: The cluster, as the servers' configuration calls it.
        database: The ledger's database on each of its nodes.
        tables: Every stored table by its name.
    """

    name: str
    database: str
    tables: Mapping[str, StoredTable]

    @classmethod
    def of(cls, name: str, database: str, statements: Iterable[str]) -> Cluster:
        """Learn the stored tables from the statements that create them.

        Raises:
            MigrationError: A statement creates a table in a way that cannot be rewritten.
        """
        tables = [_stored(match["name"], text) for text in statements if (match := _CREATE_TABLE.match(text))]
        return cls(name, database, {table.name: table for table in tables})

    def rewritten(self, statement: str) -> list[str]:
        """What to run on the cluster instead of a statement of a migration.

        Raises:
            MigrationError: It is of a kind that cannot be rewritten; nothing has been run then.
        """
        if match := _CREATE_TABLE.match(statement):
            return self._table(self.tables[match["name"]], match, statement)
        if match := _CREATE_MATERIALIZED.match(statement):
            self._check_target(match["target"])
            begin, end = statement[: match.start("target")], statement[match.start("target") :]
            return [f"{begin.removesuffix(' TO ')} {self._everywhere} TO {self._on_shard(end)}"]
        if match := _CREATE_VIEW.match(statement):
            return [f"{match[0]} {self._everywhere}{statement[match.end() :]}"]
        if match := _ALTER.match(statement):
            return self._altered(match, statement)
        if match := _DROP.match(statement):
            dropped = [match["name"], *([self._shard(match["name"])] if match["name"] in self.tables else [])]
            return [f"{match[0].removesuffix(match['name'])}{name} {self._everywhere} SYNC" for name in dropped]
        access = self._access(statement)
        if access or statement.startswith(("INSERT INTO ", "SELECT ")):
            return access or [statement]
        message = f"A cluster has no form of this statement: {statement.splitlines()[0]}"
        raise MigrationError(message)

    def _access(self, statement: str) -> list[str]:
        """Statements about roles and users as every node runs them; empty for any other statement."""
        if match := _ACCESS.match(statement):
            return [f"{match[0]} {self._everywhere}{statement[match.end() :]}"]
        if match := _GRANT_ROLE.match(statement):
            return [f"GRANT {self._everywhere} {match['role']} TO {match['user']}"]
        if match := _GRANT_SELECT.match(statement):
            name = match["name"]
            # A statement is checked again on each shard, where the rows are in tables of their own.
            read = [name, *([self._shard(name)] if name in self.tables else [])]
            return [f"GRANT {self._everywhere} SELECT ON {self.database}.{each} TO {match['role']}" for each in read]
        return []

    @property
    def _everywhere(self) -> str:
        return f"ON CLUSTER '{self.name}'"

    def _shard(self, name: str) -> str:
        return self.tables[name].shard_name

    def _table(self, table: StoredTable, match: re.Match[str], statement: str) -> list[str]:
        path = f"'/clickhouse/tables/{{shard}}/{self.database}/{table.shard_name}', '{{replica}}'"

        def replicated(engine: re.Match[str]) -> str:
            return f"ENGINE = Replicated{engine['engine']}({', '.join(filter(None, [path, engine['arguments']]))})"

        body = _ENGINE.sub(replicated, statement[match.end() :], count=1)
        stored = f"{self.database}.{table.shard_name}"
        whole = f"'{self.name}', '{self.database}', '{table.shard_name}', {table.shard_key}"
        return [
            f"CREATE TABLE IF NOT EXISTS {table.shard_name} {self._everywhere}\n{_replicated_settings(body)}",
            f"CREATE TABLE IF NOT EXISTS {table.name} {self._everywhere} AS {stored}\nENGINE = Distributed({whole})",
        ]

    def _altered(self, match: re.Match[str], statement: str) -> list[str]:
        name, kind = match["name"], match["kind"]
        if kind == "MODIFY QUERY":
            body = self._on_shard(statement)
            return [body.replace(name, f"{name} {self._everywhere}", 1)]
        if name not in self.tables or kind not in _OF_COLUMNS | _OF_STORAGE:
            message = f"A cluster has no form of this statement: {statement.splitlines()[0]}"
            raise MigrationError(message)
        others = re.findall(r",\s*((?:ADD|DROP|MODIFY|RENAME|MATERIALIZE|RESET|REMOVE) [A-Z]+)\b", statement)
        if any(other != kind for other in others):
            message = f"On a cluster an ALTER makes changes of one kind: {statement.splitlines()[0]}"
            raise MigrationError(message)
        tables = [self._shard(name), *([name] if kind in _OF_COLUMNS else [])]
        rest = _replicated_settings(statement[match.end("name") :])
        return [f"ALTER TABLE {table} {self._everywhere}{rest}" for table in tables]

    def _check_target(self, target: str) -> None:
        table = self.tables.get(target)
        if table is None or (table.shard_key == _FIRST_SHARD and "Aggregating" not in table.engine):
            message = f"Rows that a view makes on every shard never meet in {target}; it needs trace_id in its key."
            raise MigrationError(message)

    def _on_shard(self, statement: str) -> str:
        """The statement with every stored table replaced by the shard's part of it."""
        return _WORD.sub(lambda word: self._shard(word[0]) if word[0] in self.tables else word[0], statement)


def _stored(name: str, statement: str) -> StoredTable:
    engine, key = _ENGINE.search(statement), _SORTING_KEY.search(statement)
    if engine is None or key is None:
        message = f"The table {name} has no engine or sorting key at the start of a line, so no cluster can have it."
        raise MigrationError(message)
    if _TEXT_TRACE.search(statement):
        return StoredTable(name, engine["engine"], _BY_TRACE_TEXT)
    # A row that replaces others by a key without the trace could have another trace, and lie elsewhere.
    meets = engine["engine"] == "MergeTree" or re.search(r"\btrace_id\b", key["key"])
    by_trace = _BINARY_TRACE.search(statement) and meets
    return StoredTable(name, engine["engine"], _BY_TRACE if by_trace else _FIRST_SHARD)


def _replicated_settings(text: str) -> str:
    return text.replace("non_replicated_deduplication_window", "replicated_deduplication_window")
