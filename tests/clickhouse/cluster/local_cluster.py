"""A cluster inside one process: every shard is a database of the embedded engine.

What the engine refuses in a process is taken out of the rewritten statements: ON CLUSTER, and the replication of
engines. What remains is run as it is: Distributed tables with their keys, views over them, and the planning of
distributed queries.

With one shard, all statements go through the Distributed tables. With two, readings do: both shards are the same engine
to it, so each is shown its own database by a filter on the shard's number, and rows are put where their key says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.cluster import CLUSTER_SETTINGS
from spanledger_clickhouse.dsn import Dsn
from spanledger_clickhouse.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["OneShard", "TwoShards", "configure"]

# The port is never opened: an address with it is this engine, so nothing goes over a network.
_CONFIGURATION: Final = """<clickhouse>
    <tcp_port>9000</tcp_port>
    <remote_servers>
        <one><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></one>
        <two>
            <shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
            <shard><replica><host>localhost</host><port>9000</port></replica></shard>
        </two>
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

    def spread(self, source: str) -> None:
        """Put the spans of another database on the shard that the key of the Distributed table says."""
        [row] = self.query(
            "SELECT engine_full FROM system.tables WHERE database = {database:String} AND name = 'otel_traces'",
            {"database": self.dsn.database},
        )
        key = str(row["engine_full"]).split("'otel_traces_shard', ", 1)[1].removesuffix(")")
        for number, shard in enumerate(self.shards):
            rows = f"SELECT * FROM {source}.otel_traces WHERE ({key}) % {len(self.shards)} = {number}"  # noqa: S608 - ours
            super().command(f"INSERT INTO {shard}.otel_traces_shard {rows}")

    def _merge(self, table: str) -> None:
        pattern = f"^{self.dsn.database}_[12]$"
        name = f"{self._all}.{table}"
        super().command(
            f"CREATE TABLE {name} AS {self.shards[0]}.{table} ENGINE = Merge(REGEXP('{pattern}'), '^{table}$')"
        )
        self._filters[name] = "endsWith(_database, toString(shardNum()))"
        self.dsn.settings["additional_table_filters"] = repr(self._filters)
