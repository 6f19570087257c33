"""One execution with everything it paid for and did."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from spanledger_api import named_records
from spanledger_api.execution_records import read_records
from spanledger_api.filters import Dimension, Where
from spanledger_clickhouse.rollups import RollupWorker, Source, find_execution, one_moment
from spanledger_clickhouse.rollups.reading import Whereabouts
from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

_ROWS = """
FROM (SELECT arrayJoin({rows:Array(Tuple(String, String, String, String, UInt64, Int64, UInt8))}) AS row)
SETTINGS optimize_on_insert = 0
"""
_SPAN = "toDateTime64(row.1, 9, 'UTC'), toFixedString('trace', 16), toFixedString(unhex(row.3), 8), row.4, row.2"
_INSERT_COSTS = f"""
INSERT INTO cost_records_local
    (started_at, trace_id, span_id, execution_id, user_id, service, duration_ns, version, is_deleted)
SELECT {_SPAN}, 's3', row.5, row.6, row.7 {_ROWS}
"""
_INSERT_STEPS = f"""
INSERT INTO performance_records_local
    (started_at, trace_id, span_id, execution_id, user_id, task_type, step_name, duration_ns, version)
SELECT {_SPAN}, 't', row.2, row.5, row.6 {_ROWS}
"""


def _get(client: TestClient, execution_id: str) -> dict[str, Any]:
    answer = client.get(f"/api/executions/{execution_id}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = json.loads(answer.text, parse_float=Decimal)
    return document


def test_holds_the_execution_and_its_records_in_order(ledger: Ledger, client: TestClient) -> None:
    """Records are those of this execution, ascending by start, amounts and instants exact."""
    span = partial(Span, execution="exec-1", user="user-1", task="material_analysis")
    root = span(execution_status="completed", duration_ns=5 * 10**9, start=NOW)
    paid = span(service="openai", operation="gpt-4_a_b", cost=Decimal("0.06"), start=NOW + timedelta(seconds=2))
    stored = span(service="s3", cost=Decimal("0.000000000001"), start=NOW + timedelta(microseconds=1))
    step = span(step="video_analysis", duration_ns=1_500_001, start=NOW, failed="no codec")
    store(ledger, [paid, root, stored, step, Span(service="s3", cost=Decimal(9), execution="exec-2")])

    found = _get(client, "exec-1")

    assert {name: value for name, value in found.items() if not isinstance(value, list)} == {
        "execution_id": "exec-1",
        "user_id": "user-1",
        "task_type": "material_analysis",
        "status": "completed",
        "total_cost": Decimal("0.060000000001"),
        "ai_calls_count": 1,
        "error_message": None,
        "started_at": "2026-03-14T15:09:26Z",
        "completed_at": "2026-03-14T15:09:31Z",
    }
    assert [record["total_cost"] for record in found["cost_records"]] == [
        Decimal("0.000000000001"),
        Decimal("0.06"),
    ]
    assert found["cost_records"][0]["started_at"] == "2026-03-14T15:09:26.000001Z"
    assert found["cost_records"][1]["span_id"] == f"{paid.number:016x}"
    (performance,) = found["performance_records"]
    assert performance["duration"] == Decimal("1.500001")
    assert performance["duration_ns"] == 1_500_001
    assert performance["completed_at"] == "2026-03-14T15:09:26.001500001Z"
    assert (performance["status"], performance["error"]) == ("failed", "no codec")


def test_a_record_has_every_column(ledger: Ledger, client: TestClient) -> None:
    """Records carry the columns of the ledger's views under their names; what a span lacks is null."""
    store(ledger, [Span(service="s3", cost=Decimal(1), execution="e"), Span(task="t", step="s", execution="e")])

    found = _get(client, "e")

    for view, records in (
        ("cost_records", found["cost_records"]),
        ("performance_records", found["performance_records"]),
    ):
        columns = {row["name"] for row in ledger.query(f"DESCRIBE TABLE {view}")}
        assert columns - set(records[0]) == set()
    assert found["cost_records"][0]["user_id"] is None
    assert found["cost_records"][0]["model"] is None


def test_a_record_has_the_id_of_the_views(ledger: Ledger, client: TestClient) -> None:
    """Whoever joins an answer with the ledger's views meets the same records."""
    spans = [Span(service="s3", cost=Decimal(1), execution="e", task="t", step="s") for _ in range(20)]
    store(ledger, spans)

    found = _get(client, "e")

    for view in ("cost_records", "performance_records"):
        rows = ledger.query(f"SELECT * FROM {view}")  # noqa: S608 - the names are the two above
        stored = {str(row["record_id"]): row["span_id"] for row in rows}
        assert {record["record_id"]: record["span_id"] for record in found[view]} == stored
        assert len(stored) == 20


def test_records_of_any_age_are_found_with_and_without_rollups(ledger: Ledger, client: TestClient) -> None:
    """An execution that spans processes and days has its records of all of them, and those before 1970."""
    starts = [NOW, NOW - timedelta(days=2), NOW - timedelta(days=400), datetime(1969, 12, 31, 23, tzinfo=UTC)]
    store(ledger, [Span(service="s3", cost=Decimal(1), execution="e", start=start) for start in starts])
    store(ledger, [Span(service="s3", cost=Decimal(1), execution="other", start=start) for start in starts])
    before = _get(client, "e")["cost_records"]
    worker = RollupWorker(ledger, quiet_seconds=0)
    while worker.rebuild():
        pass
    found = find_execution(ledger, Source.COST, "e")
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    later = [hour - timedelta(hours=3), NOW + timedelta(days=1, minutes=2), NOW + timedelta(days=1)]
    store(ledger, [Span(service="s3", cost=Decimal(1), execution="e", start=start) for start in later[:1]])
    found_earlier = find_execution(ledger, Source.COST, "e")
    store(ledger, [Span(service="s3", cost=Decimal(1), execution="e", start=start) for start in later[1:]])

    after = _get(client, "e")["cost_records"]

    days = (starts[2].date(), starts[1].date())
    assert found == Whereabouts(days, since=int(hour.timestamp()) * 10**9)
    assert found_earlier == Whereabouts(days, since=int(later[0].timestamp()) * 10**9)
    assert len(before) == len(starts)
    assert [record for record in after if record in before] == before
    assert len(after) == len(starts) + len(later)


def test_versions_of_a_record_count_once_whatever_they_say(ledger: Ledger, client: TestClient) -> None:
    """Of a record that was priced again, repeated, or came to name another execution, the newest version is shown."""
    paid = [Span(service="s3", cost=Decimal(n), execution="e", user=f"u{n}", task="t", step="s") for n in range(1, 4)]
    other_day = Span(service="s3", cost=Decimal(9), execution="e", start=NOW - timedelta(days=40))
    store(ledger, [*paid, other_day])
    for table in ("cost_records_local", "performance_records_local"):
        ledger.command(f"OPTIMIZE TABLE {table} FINAL")
    settled = _get(client, "e")
    store(ledger, paid)
    for table, number, changed in (
        ("cost_records_local", paid[0].number, "toDecimal128(5, 12) AS total_cost, 1 AS version"),
        ("cost_records_local", paid[1].number, "'other' AS execution_id, 1 AS version"),
        ("cost_records_local", other_day.number, "1 AS is_deleted, 1 AS version"),
        ("performance_records_local", paid[2].number, "'other' AS execution_id, 1 AS version"),
    ):
        ledger.command(
            f"INSERT INTO {table} SELECT * REPLACE ({changed}) FROM {table} FINAL"  # noqa: S608 - of the rows above
            " WHERE trace_id = toFixedString(unhex({trace:String}), 16)",
            {"trace": f"{number:032x}"},
        )

    changed_since, other = _get(client, "e"), _get(client, "other")

    assert [record["total_cost"] for record in settled["cost_records"]] == [9, 1, 2, 3]
    assert {record["user_id"]: record["total_cost"] for record in changed_since["cost_records"]} == {"u1": 5, "u3": 3}
    assert [record["user_id"] for record in changed_since["performance_records"]] == ["u1", "u2"]
    assert ([r["user_id"] for r in other["cost_records"]], len(other["performance_records"])) == (["u2"], 1)


def test_a_record_that_came_to_name_another_execution_is_not_shown(ledger: Ledger, client: TestClient) -> None:
    """Not even where its month was merged before, and nothing that arrived since names the execution."""
    store(ledger, [Span(service="s3", cost=Decimal(1), execution="e", start=NOW)])
    ledger.command("OPTIMIZE TABLE cost_records_local FINAL")
    RollupWorker(ledger, quiet_seconds=0).rebuild()
    merged, settled = _get(client, "e"), find_execution(ledger, Source.COST, "e")
    ledger.command(
        "INSERT INTO cost_records_local SELECT * REPLACE ('other' AS execution_id, 1 AS version)"
        " FROM cost_records_local"
    )

    changed_since, other = client.get("/api/executions/e"), _get(client, "other")

    assert settled is not None
    assert len(settled.settled_parts) == 1
    assert [record["span_id"] for record in merged["cost_records"]] == [
        record["span_id"] for record in other["cost_records"]
    ]
    assert changed_since.status_code == 404


def test_what_came_since_months_were_found_settled_is_compared_with_them(ledger: Ledger) -> None:
    """A version that names the execution is not shown where one in the merged month outranks it and names another."""
    paid = [Span(service="s3", cost=Decimal(1), execution=name, user=name, start=NOW) for name in ("e", "other")]
    store(ledger, paid)
    ledger.command("OPTIMIZE TABLE cost_records_local FINAL")
    RollupWorker(ledger, quiet_seconds=0).rebuild()
    where = Where(()).equal(Dimension.EXECUTION_ID, "e")
    with one_moment(ledger):
        before = read_records(ledger, Source.COST, where, "e")
        ledger.command(
            "INSERT INTO cost_records_local SELECT * REPLACE ('e' AS execution_id, version - 1 AS version)"
            " FROM cost_records_local WHERE user_id = 'other'"
        )
        after = read_records(ledger, Source.COST, where, "e")

    assert [row["user_id"] for row in before] == ["e"]
    assert after == before


@pytest.mark.parametrize("most_rows", [30, 2])
def test_of_many_versions_those_of_the_views_are_shown(
    ledger: Ledger, client: TestClient, monkeypatch: pytest.MonkeyPatch, most_rows: int
) -> None:
    """Whatever order versions of few keys come in, within a part and among parts, what counts is what FINAL says."""
    monkeypatch.setattr(named_records, "_MOST_KEYS", most_rows)
    chosen = random.Random(most_rows)  # noqa: S311 - the same rows each time
    users = ["", "it's", "a\\b\t\n", "中文 😀", "{keys:String}"]

    def row(own: str) -> tuple[object, ...]:
        day, user, span = chosen.choice(["2026-03-14", "2026-04-01"]), chosen.choice(users), chosen.randrange(3)
        deleted = int(chosen.random() < 0.2)
        return (
            day,
            user,
            f"{span:016x}",
            chosen.choice(["a", "b", own]),
            chosen.randrange(10**6),
            chosen.randrange(-2, 3),
            deleted,
        )

    for number in range(12):
        rows = {"rows": [row(str(number)) for _ in range(chosen.choice([2, 5, 20]))]}
        for insert in (_INSERT_COSTS, _INSERT_STEPS):
            ledger.command(insert, rows)
        if chosen.random() < 0.2:
            ledger.command("OPTIMIZE TABLE cost_records_local")

    shown_of_all = 0
    for execution_id in ["a", "b", *map(str, range(12))]:
        found = client.get(f"/api/executions/{execution_id}").json()
        for view in ("cost_records", "performance_records"):
            stored = ledger.query(
                "SELECT toString(record_id) AS id, user_id, duration_ns"  # noqa: S608 - the names are the two above
                f" FROM {view} WHERE execution_id = {{execution_id:String}}",
                {"execution_id": execution_id},
            )
            records = found.get(view, ())
            shown = [(each["record_id"], each["user_id"] or "", each["duration_ns"]) for each in records]
            assert sorted(shown) == sorted(tuple(each.values()) for each in stored)
            shown_of_all += len(shown)
    assert shown_of_all > most_rows


def test_records_whose_root_has_not_arrived_are_shown(ledger: Ledger, client: TestClient) -> None:
    """The status is null then, and the rest is what the records say."""
    store(
        ledger,
        [
            Span(service="openai", cost=Decimal("0.5"), execution="e", user="u", task="t", start=NOW),
            Span(service="s3", cost=Decimal("0.25"), execution="e", start=NOW - timedelta(seconds=1)),
            Span(service="s3", cost=Decimal(7), currency="EUR", execution="e", start=NOW),
        ],
    )

    found = _get(client, "e")

    assert found["status"] is None
    assert (found["user_id"], found["task_type"]) == ("u", "t")
    assert found["total_cost"] == Decimal("0.75")
    assert found["ai_calls_count"] == 1
    assert (found["started_at"], found["completed_at"]) == ("2026-03-14T15:09:25Z", None)


def test_an_id_may_hold_anything(ledger: Ledger, client: TestClient) -> None:
    """Slashes, quotes, tabs and text that looks like SQL are found as they are."""
    ids = ["job/7", "../x", "it's", "a\\b\t", "{x:String}", "$where", "中文 😀", "' OR 1=1 --"]
    store(ledger, [Span(service="s3", cost=Decimal(1), execution=each) for each in ids])

    assert [_get(client, quote(each, safe=""))["execution_id"] for each in ids] == ids


def test_an_unknown_execution_is_a_problem(client: TestClient) -> None:
    """404, in the form of every error."""
    answer = client.get("/api/executions/nobody%20knows")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "nobody knows" in answer.json()["detail"]
