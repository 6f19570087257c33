"""A cluster inside one process: every shard is a database of the embedded engine.

What the engine refuses in a process is taken out of the rewritten statements: ON CLUSTER, and the replication of
engines. What remains is run as it is: Distributed tables with their keys, views over them, and the planning of
distributed queries.

With one shard, all statements go through the Distributed tables. With two, readings do: both shards are the same engine
to it, so each is shown its own database by a filter on the shard's number, and rows are put where their key says.
"""

from __future__ import annotations

import ast
import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from spanledger_clickhouse.cluster import CLUSTER_SETTINGS
from spanledger_clickhouse.dsn import Dsn
from spanledger_clickhouse.ledger import Ledger
from tests.api.spans import store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from clickhouse_connect.driver.client import Client
    from clickhouse_connect.driver.query import QueryResult

    from tests.api.spans import Span

__all__ = ["BesideLedger", "OneShard", "SpreadLedger", "TwoShards", "configure"]

# The port is never opened: an address with it is this engine, so nothing goes over a network.
_CONFIGURATION: Final = """<clickhouse>
    <tcp_port>9000</tcp_port>
    <remote_servers>
        <one><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></one>
        <two>
            <shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
            <shard><replica><host>localhost</host><port>9000</port></replica></shard>
        </two>
        <mirrored>
            <shard>
                <replica><host>127.0.0.1</host><port>9000</port></replica>
                <replica><host>localhost</host><port>9000</port></replica>
            </shard>
        </mirrored>
    </remote_servers>
</clickhouse>
"""
# Nothing listens on the port: here the local replica is the only way.
_SETTINGS: Final = CLUSTER_SETTINGS | {"prefer_localhost_replica": "1"}
_ON_CLUSTER: Final = re.compile(r" ON CLUSTER '\w+'(?: SYNC)?")
_REPLICATED: Final = re.compile(r"Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?([^()]*)\)")

_OF_A_SHARD: Final = re.compile(
    r"(?:CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS|ALTER TABLE) (\w+_(?:shard|mv))\b"
)
_OF_EVERY_SHARD: Final = re.compile("OPTIMIZE |ALTER |TRUNCATE |INSERT INTO cost_records_local ")
_FILTERS: Final = "additional_table_filters"


def configure(directory: Path) -> None:
    """Let the engine of a ledger in this directory know the clusters; before it is opened."""
    (directory / "conf.d").mkdir(parents=True)
    (directory / "conf.d" / "clusters.xml").write_text(_CONFIGURATION)


def _single(sql: str) -> str:
    bare = _REPLICATED.sub(lambda match: f"{match[1]}({match[2]})", _ON_CLUSTER.sub("", sql))
    return bare.replace("replicated_deduplication_window", "non_replicated_deduplication_window")


class OneShard(Ledger):
    """A ledger on a cluster of one shard."""

    def __init__(self, directory: Path, database: str) -> None:
        super().__init__(Dsn(path=directory, database=database, cluster="one", settings=dict(_SETTINGS)))

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement without what takes a server."""
        super().command(_single(sql), parameters)


class TwoShards(Ledger):
    """A ledger on a cluster of two shards, to be read; its spans are put there by :meth:`spread`."""

    def __init__(self, directory: Path, database: str) -> None:
        self.shards = [f"{database}_1", f"{database}_2"]
        self._all = f"{database}_all"
        self._filters: dict[str, str] = {}
        super().__init__(Dsn(path=directory, database=database, cluster="two", settings=dict(_SETTINGS)))
        for name in (*self.shards, self._all):
            super().command(f"CREATE DATABASE {name}")

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement of a migration where it belongs: on each shard, or once."""
        database, bare = self.dsn.database, _single(sql)
        if "ENGINE = Distributed" in bare:
            bare = bare.replace(f" AS {database}.", f" AS {self.shards[0]}.")
            if bare.endswith(", 0)"):
                # What lies on the first shard can be written too: there is no second one that would take it as well.
                bare = bare.replace(f"'two', '{database}'", f"'one', '{self.shards[0]}'")
            super().command(bare.replace(f"'two', '{database}'", f"'two', '{self._all}'"), parameters)
            return
        stored = _OF_A_SHARD.match(bare)
        if stored is None:
            # The Distributed tables lead to tables that are only read, so nothing is recorded.
            if not bare.startswith("INSERT INTO"):
                super().command(bare, parameters)
            return
        for shard in self.shards:
            with self.borrow() as client:
                client.database = shard
                client.command(bare)
                client.database = database
        if "CREATE TABLE" in bare:
            self._merge(stored[1])
        if stored[1] == "otel_traces_shard" and "CREATE TABLE" in bare:
            for shard in self.shards:
                whole = f"Distributed('one', '{shard}', 'otel_traces_shard')"
                super().command(f"CREATE TABLE {shard}.otel_traces AS {shard}.otel_traces_shard ENGINE = {whole}")

    def spread(self, source: str) -> None:
        """Put the spans of another database on the shard that the key of the Distributed table says."""
        for number, shard in enumerate(self.shards):
            rows = f"SELECT * FROM {source}.otel_traces WHERE ({self._key()}) % {len(self.shards)} = {number}"  # noqa: S608 - ours
            super().command(f"INSERT INTO {shard}.otel_traces_shard {rows}")

    def deliver(self, spans: Sequence[Span]) -> None:
        """Put spans on their shards, as a collector does that writes to the Distributed table."""
        sql = f"SELECT ({self._key()}) % {len(self.shards)} AS shard FROM (SELECT arrayJoin({{traces:Array(String)}}) AS TraceId)"  # noqa: E501, S608 - ours
        rows = self.query(sql, {"traces": [f"{span.trace or span.number:032x}" for span in spans]})
        for number, shard in enumerate(self.shards):
            there = [span for span, row in zip(spans, rows, strict=True) if row["shard"] == number]
            if there:
                store(BesideLedger(replace(self.dsn, database=shard)), there)

    def _key(self) -> str:
        [row] = self.query(
            "SELECT engine_full FROM system.tables WHERE database = {database:String} AND name = 'otel_traces'",
            {"database": self.dsn.database},
        )
        return str(row["engine_full"]).split("'otel_traces_shard', ", 1)[1].removesuffix(")")

    def _merge(self, table: str) -> None:
        pattern = f"^{self.dsn.database}_[12]$"
        name = f"{self._all}.{table}"
        super().command(
            f"CREATE TABLE {name} AS {self.shards[0]}.{table} ENGINE = Merge(REGEXP('{pattern}'), '^{table}$')"
        )
        self._filters[name] = "endsWith(_database, toString(shardNum()))"
        self.dsn.settings[_FILTERS] = repr(self._filters)


class BesideLedger(Ledger):
    """Sessions of their own on the engine of a ledger that is open, and must stay so."""

    def __init__(self, dsn: Dsn) -> None:
        # The base's constructor would want to hold the directory.
        self.dsn = dsn
        self._idle = []
        self._lock = threading.Lock()
        self._held = None


class SpreadLedger(BesideLedger):
    """Reads what :class:`TwoShards` holds, and keeps its sums. To list its parts, each shard looks at its own database.

    Open it once all tables are there, so that its sessions show each shard its own rows. Rows and parts can be held
    back, as if they were not committed yet.
    """

    def __init__(self, dsn: Dsn) -> None:
        super().__init__(replace(dsn, settings=dict(dsn.settings)))
        self._plain_settings = dict(dsn.settings)
        self._held_back: list[str] = []

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that changes something: what every shard does by itself in its own database."""
        if not _OF_EVERY_SHARD.match(sql):
            super().command(sql, parameters)
            return
        for number in (1, 2):
            beside = BesideLedger(replace(self.dsn, database=f"{self.dsn.database}_{number}"))
            beside.command(_single(sql).replace("_local", "_shard"), parameters)
            beside.close()

    def connect(self) -> Client:
        """A client to which the tables of a shard are in that shard's database."""
        client = super().connect()
        ask = cast("Callable[..., QueryResult]", client.query)
        hidden = self._held_back or [""]
        there = f"= concat({{database:String}}, '_', toString(shardNum())) AND path NOT IN {hidden}"

        def query(sql: str, **others: object) -> QueryResult:
            return ask(sql.replace("= {database:String}", there) if "system.parts" in sql else sql, **others)

        client.query = cast("Callable[..., QueryResult]", query)  # type: ignore[method-assign] # a client of the engine's own cannot be chosen
        return client

    def hold_back(self, traces: Sequence[int], parts: Sequence[str]) -> None:
        """Let rows of some traces, and parts given by their paths, seem not to be there; empty shows everything."""
        self._held_back = list(parts)
        filters = ast.literal_eval(self._plain_settings[_FILTERS])
        hidden = ", ".join(f"unhex('{trace:032x}')" for trace in traces)
        for name in filters if traces else ():
            if name.endswith(("cost_records_shard", "performance_records_shard")):
                filters[name] += f" AND trace_id NOT IN ({hidden})"
        pairs = (f"'{name}': '{condition.replace(chr(39), chr(92) + chr(39))}'" for name, condition in filters.items())
        self.dsn.settings[_FILTERS] = "{" + ", ".join(pairs) + "}"
        self.close()
