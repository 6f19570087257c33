"""Migrations on a cluster: every statement has a form there, and every repeat of a span meets the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from spanledger.exceptions import MigrationError
from spanledger_clickhouse.cluster import Cluster
from spanledger_clickhouse.migrations import known_migrations

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_STATEMENTS = [statement for migration in known_migrations() for statement in migration.statements]
_CLUSTER = Cluster.of("ledgers", "spanledger", _STATEMENTS)
_TABLE = """CREATE TABLE IF NOT EXISTS visits_local
(
    trace_id FixedString(16),
    day      Date,
    version  Int64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (day, trace_id)
SETTINGS non_replicated_deduplication_window = 1000"""
_COUNTS = "CREATE TABLE IF NOT EXISTS counts_local\n(day Date, n UInt64)\nENGINE = {engine}\nORDER BY day"
_SMALL = Cluster.of("c", "books", [_TABLE, _COUNTS.format(engine="ReplacingMergeTree")])


def test_every_migration_is_valid_on_a_cluster(ledger: Ledger) -> None:
    """The engine's own parser takes every rewritten statement, and all but readings and inserts name the cluster."""
    rewritten = [sql for statement in _STATEMENTS for sql in _CLUSTER.rewritten(statement)]

    for sql in rewritten:
        assert ledger.query("SELECT formatQuery({sql:String}) AS sql", {"sql": sql})[0]["sql"]
        assert sql.startswith(("INSERT INTO", "SELECT")) or " ON CLUSTER 'ledgers'" in sql


def test_every_table_has_a_place() -> None:
    """Whatever is made of a span lies by its trace, everything else on the first shard; no table is forgotten."""
    created = {match[1] for sql in _STATEMENTS if (match := re.match(r"CREATE TABLE IF NOT EXISTS (\w+)", sql))}
    by_trace = {name for name, table in _CLUSTER.tables.items() if table.shard_key != "0"}

    assert set(_CLUSTER.tables) == created
    assert by_trace >= {"otel_traces", "cost_records_local", "performance_records_local", "task_executions_local"}
    assert by_trace >= {"usage_spans_local", "adjustments_local"}
    assert len({table.shard_name for table in _CLUSTER.tables.values()}) == len(created)


def test_a_span_and_its_rows_lie_together(ledger: Ledger) -> None:
    """The key of a trace's text and of its bytes is one number, whatever an exporter calls no trace at all."""
    text, binary = _CLUSTER.tables["otel_traces"].shard_key, _CLUSTER.tables["cost_records_local"].shard_key

    [row] = ledger.query(
        f"SELECT uniqExact({text} = {binary}) AS answers, min({text} = {binary}) AS same FROM ("  # noqa: S608 - ours
        "SELECT arrayJoin(['', '0af7651916cd43dd8448eb211c80319c', '00000000000000000000000000000000']) AS TraceId, "
        "toFixedString(substring(unhex(TraceId), 1, 16), 16) AS trace_id)"
    )

    assert row == {"answers": 1, "same": 1}


def test_a_table_becomes_two() -> None:
    """The shard's part is replicated under the ledger's path; the name of the statement is the whole."""
    stored, whole = _SMALL.rewritten(_TABLE)

    assert (
        stored
        == """CREATE TABLE IF NOT EXISTS visits_shard ON CLUSTER 'c'
(
    trace_id FixedString(16),
    day      Date,
    version  Int64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/books/visits_shard', '{replica}', version)
ORDER BY (day, trace_id)
SETTINGS replicated_deduplication_window = 1000"""
    )
    assert whole == (
        "CREATE TABLE IF NOT EXISTS visits_local ON CLUSTER 'c' AS books.visits_shard\n"
        "ENGINE = Distributed('c', 'books', 'visits_shard', cityHash64(trace_id))"
    )


def test_a_materialised_view_stays_on_its_shard() -> None:
    """It reads and writes the shard's part, also where a column names its table; texts stay as they are."""
    [view] = _SMALL.rewritten(
        "CREATE MATERIALIZED VIEW IF NOT EXISTS visits_mv TO visits_local AS "
        "SELECT visits_local.day, 'visits_local' FROM visits_local"
    )

    assert view == (
        "CREATE MATERIALIZED VIEW IF NOT EXISTS visits_mv ON CLUSTER 'c' TO visits_shard AS "
        "SELECT visits_shard.day, 'visits_local' FROM visits_shard"
    )


@pytest.mark.parametrize(
    ("statement", "rewritten"),
    [
        (
            "ALTER TABLE visits_local ADD COLUMN IF NOT EXISTS n UInt8",
            [
                "ALTER TABLE visits_shard ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS n UInt8",
                "ALTER TABLE visits_local ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS n UInt8",
            ],
        ),
        (
            "ALTER TABLE visits_local MODIFY TTL day + INTERVAL 1 DAY",
            ["ALTER TABLE visits_shard ON CLUSTER 'c' MODIFY TTL day + INTERVAL 1 DAY"],
        ),
        (
            "ALTER TABLE visits_local MODIFY COLUMN n CODEC(NONE), MODIFY COLUMN m CODEC(T64, NONE)",
            [
                "ALTER TABLE visits_shard ON CLUSTER 'c' MODIFY COLUMN n CODEC(NONE), MODIFY COLUMN m CODEC(T64, NONE)",
                "ALTER TABLE visits_local ON CLUSTER 'c' MODIFY COLUMN n CODEC(NONE), MODIFY COLUMN m CODEC(T64, NONE)",
            ],
        ),
        (
            "CREATE OR REPLACE VIEW visits AS SELECT * FROM visits_local FINAL",
            ["CREATE OR REPLACE VIEW visits ON CLUSTER 'c' AS SELECT * FROM visits_local FINAL"],
        ),
        (
            "DROP TABLE IF EXISTS visits_local",
            [
                "DROP TABLE IF EXISTS visits_local ON CLUSTER 'c' SYNC",
                "DROP TABLE IF EXISTS visits_shard ON CLUSTER 'c' SYNC",
            ],
        ),
        ("INSERT INTO visits_local SELECT 1", ["INSERT INTO visits_local SELECT 1"]),
    ],
)
def test_other_statements_name_the_cluster(statement: str, rewritten: list[str]) -> None:
    """Columns belong to both tables, storage to the shard's part, and what only reads or inserts stays as it is."""
    assert _SMALL.rewritten(statement) == rewritten


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("RENAME TABLE a TO b", "no form"),
        ("ALTER TABLE visits_local FREEZE PARTITION 1", "no form"),
        ("ALTER TABLE visits_local ADD COLUMN n UInt8, ADD INDEX i n TYPE minmax", "one kind"),
        (
            "CREATE MATERIALIZED VIEW IF NOT EXISTS m TO counts_local AS SELECT day, 1 AS n FROM visits_local",
            "never meet",
        ),
    ],
)
def test_what_would_go_wrong_is_refused(statement: str, why: str) -> None:
    """A statement without a form on a cluster, or a view whose rows would never replace each other, is an error."""
    with pytest.raises(MigrationError, match=why):
        _SMALL.rewritten(statement)
