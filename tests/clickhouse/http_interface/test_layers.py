"""Each layer of the screen holds by itself, so that a gap in one opens nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spanledger_clickhouse.http_interface.catalogue import Scope, is_allowed_function, listed
from spanledger_clickhouse.http_interface.engine import Engine, Handle
from spanledger_clickhouse.http_interface.failures import StatementError
from spanledger_clickhouse.http_interface.parser import Parser
from spanledger_clickhouse.http_interface.screen import screen

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from spanledger_clickhouse.ledger import Ledger


class _Trusting(Parser):
    """A parser without the first layer."""

    def require_single_reading(self, sql: str) -> None:
        """Let everything pass."""


@pytest.fixture
def handle(migrated_ledger: Ledger) -> Iterator[Handle]:
    """A handle of the engine."""
    with Engine(migrated_ledger).open() as opened:
        yield opened


@pytest.mark.parametrize(
    "sql",
    [
        *("SELECT 1; SELECT 2", "SELECT 1 INTO OUTFILE '/tmp/x'", "DROP TABLE x", "SET x = 1", "KILL QUERY WHERE 1"),
        *("INSERT INTO x VALUES (1)", "SYSTEM STOP MERGES", "SELECT * FROM mysql('a', 'b', 'c', 'd', 'e')", "USE x"),
    ],
)
def test_the_class_of_a_statement(handle: Handle, sql: str) -> None:
    """What is not a single reading fails at the first layer."""
    with pytest.raises(StatementError, match="Only one statement that reads"):
        Parser(handle).require_single_reading(sql)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 SETTINGS max_threads = 1", "SETTINGS"),
        ("SELECT 1 /* */ SeTTings\n a=1", "SETTINGS"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", "OUTFILE"),
        (" (EXPLAIN SELECT 1)", "EXPLAIN"),
    ],
)
def test_the_words_of_a_statement(handle: Handle, sql: str, said: str) -> None:
    """Clauses are found among the words, whatever the first layer let pass."""
    with pytest.raises(StatementError, match=said):
        screen(sql, Scope("spanledger", "spanledger"), {}, _Trusting(handle))


@pytest.mark.parametrize(
    "sql", ["DROP TABLE x", "SET max_threads = 1", "INSERT INTO otel_traces FORMAT CSV", "USE system", "CHECK TABLE x"]
)
def test_the_tree_of_a_statement(handle: Handle, sql: str) -> None:
    """The tree of anything but a query is refused, whatever the first layer let pass."""
    with pytest.raises(StatementError):
        screen(sql, Scope("spanledger", "spanledger"), {}, _Trusting(handle))


def test_the_handle_only_reads(asking: httpx.Client) -> None:
    """Statements run in read-only mode, inside limits that are fixed."""
    asked = "SELECT value FROM system.settings CROSS JOIN system.one WHERE name = 'NAME'"
    assert asking.post("/", content=asked.replace("NAME", "readonly")).text == "1\n"
    assert asking.post("/", content=asked.replace("NAME", "max_execution_time")).text == "30\n"
    assert asking.post("/", params={"max_threads": "100"}, content=asked.replace("NAME", "max_threads")).text == "2\n"


@pytest.mark.parametrize("name", ["sumIf", "quantilesTDigestOrNullIf", "COUNT", "toStartOfHour", "sumMapIf"])
def test_allowed_functions(name: str) -> None:
    """Functions are known in any case, aggregate functions with their combinators."""
    assert is_allowed_function(name)


@pytest.mark.parametrize("name", ["file", "fileIf", "dictGet", "joinGet", "sleep", "groupFormat", "render_json", ""])
def test_other_functions(name: str) -> None:
    """Anything else is not."""
    assert not is_allowed_function(name)


def test_every_allowed_function_exists(migrated_ledger: Ledger) -> None:
    """The lists name functions of this engine, or operators that its parser makes up."""
    made_up = {"_cast", "casewithexpression", "exists", "lambda"}
    known = {str(row["name"]) for row in migrated_ledger.query("SELECT lower(name) AS name FROM system.functions")}
    assert listed("functions.txt") | listed("aggregates.txt") <= known | made_up
