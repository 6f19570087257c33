"""A re-pricing that dies anywhere is whole or absent once the next command has looked."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spanledger.pricing import Calculator
from spanledger_clickhouse.repricing import BatchState, Repricer, read_batches
from tests.clickhouse.repricing.conftest import EVERYTHING, NEW_PRICES, arrive, chat, records, transcription

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from spanledger.pricing import PriceBook
    from spanledger_clickhouse.ledger import Ledger

_BEFORE = [Decimal("0.06"), Decimal("0.06"), Decimal("0.009")]
_AFTER = [Decimal("0.046"), Decimal("0.046"), Decimal("0.027")]


class _DeadError(Exception):
    """The command is killed."""


class _Dying:
    """A ledger whose user dies before the write of that number, counted from 0, takes place."""

    def __init__(self, ledger: Ledger, writes: int) -> None:
        self._ledger = ledger
        self._left = writes

    def _write(self) -> None:
        if not self._left:
            raise _DeadError
        self._left -= 1

    def query(self, sql: str, parameters: dict[str, object] | None = None) -> list[dict[str, object]]:
        """Ask as usual."""
        return self._ledger.query(sql, parameters)

    def command(self, sql: str, parameters: dict[str, object] | None = None) -> None:
        """Write, or die first."""
        self._write()
        self._ledger.command(sql, parameters)

    @contextmanager
    def borrow(self) -> Generator[Any]:
        """Lend a client whose inserts count."""
        with self._ledger.borrow() as client:
            yield _DyingClient(client, self._write)


class _DyingClient:
    def __init__(self, client: Any, write: Any) -> None:  # noqa: ANN401 - the driver's client, whatever its type
        self._client = client
        self._write = write

    def insert(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they are
        """Insert, or die first."""
        self._write()
        self._client.insert(*args, **kwargs)

    def query_row_block_stream(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Read as usual."""
        return self._client.query_row_block_stream(*args, **kwargs)


def _totals(ledger: Ledger) -> list[Decimal]:
    return [Decimal(str(row["total_cost"])) for row in records(ledger)]


def _fill(ledger: Ledger) -> None:
    arrive(ledger, 1, chat())
    arrive(ledger, 2, chat("u2"), day=1)
    arrive(ledger, 3, transcription())


@pytest.mark.parametrize("writes", range(7))
def test_dying_between_any_two_writes_leaves_all_or_nothing(
    ledger: Ledger, book: PriceBook, repricer: Repricer, writes: int
) -> None:
    """Before the commit nothing has happened; after it the next command completes the batch, once."""
    _fill(ledger)
    preview = repricer.preview(EVERYTHING)
    dying: Any = _Dying(ledger, writes)
    survived = False
    try:
        Repricer(dying, book, Calculator(book)).reprice(EVERYTHING, preview, reason="", by="ann")
        survived = True
    except _DeadError:
        pass

    assert survived is (writes == 6)  # plan, adjustments, commit, two days of records, applied
    committed = writes >= 3
    repricer.recover()
    repricer.recover()

    assert _totals(ledger) == (_AFTER if committed else _BEFORE)
    [shown] = ledger.query("SELECT count() AS n, sum(difference) AS difference FROM adjustments")
    assert shown == ({"n": 3, "difference": Decimal("-0.01")} if committed else {"n": 0, "difference": Decimal(0)})
    assert [batch.state for batch in read_batches(ledger)] == {
        True: [BatchState.APPLIED],
        False: [BatchState.PLANNED] if writes else [],
    }[committed]


def test_a_lost_plan_is_given_up_and_disturbs_nobody(ledger: Ledger, book: PriceBook, repricer: Repricer) -> None:
    """What a dead command had planned stays invisible, the next command makes its own, and later it is marked."""
    _fill(ledger)
    preview = repricer.preview(EVERYTHING)
    dying: Any = _Dying(ledger, 2)
    with pytest.raises(_DeadError):
        Repricer(dying, book, Calculator(book)).reprice(EVERYTHING, preview, reason="", by="ann")

    repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="bob")
    later = Repricer(ledger, book, Calculator(book), clock=lambda: datetime.now(UTC) + timedelta(hours=2))
    [given_up] = later.recover()

    assert given_up.state is BatchState.ABANDONED
    assert _totals(ledger) == _AFTER
    assert ledger.query("SELECT count() AS n FROM adjustments") == [{"n": 3}]


_KILLED = """
import os, signal, sys
from spanledger.pricing import Calculator, PriceBook
from spanledger_clickhouse.ledger import Ledger, open_ledger
from spanledger_clickhouse.migrations import migrate
from spanledger_clickhouse.repricing import Repricer
from tests.clickhouse.repricing.conftest import EVERYTHING, arrive, chat, transcription

dsn, prices = sys.argv[1:]
book = PriceBook.with_overrides(prices)
write = Ledger.command

def command(self, sql, parameters=None):
    write(self, sql, parameters)
    if "INSERT INTO cost_records_local" in sql:
        os.kill(os.getpid(), signal.SIGKILL)

with open_ledger(dsn) as ledger:
    migrate(ledger)
    arrive(ledger, 1, chat())
    arrive(ledger, 2, chat("u2"), day=1)
    arrive(ledger, 3, transcription())
    Ledger.command = command
    repricer = Repricer(ledger, book, Calculator(book))
    repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")
"""

_RECOVERED = """
import sys
from spanledger.pricing import Calculator, PriceBook
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.repricing import Repricer
from tests.clickhouse.repricing.conftest import records

dsn, prices = sys.argv[1:]
book = PriceBook.with_overrides(prices)
with open_ledger(dsn) as ledger:
    Repricer(ledger, book, Calculator(book)).recover()
    print(*(row["total_cost"].normalize() for row in records(ledger)))
"""


def test_kill_9_between_two_days_is_made_good(tmp_path: Path) -> None:
    """A process killed after the first day's records leaves a batch that the next process completes."""
    prices = tmp_path / "prices.toml"
    prices.write_text(NEW_PRICES)
    dsn = f"chdb://{tmp_path}/ledger"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", *arguments], check=False, capture_output=True, text=True)

    killed = run(_KILLED, dsn, str(prices))
    assert killed.returncode == -9, killed.stderr
    recovered = run(_RECOVERED, dsn, str(prices))

    assert recovered.stdout.split() == [str(amount) for amount in _AFTER], recovered.stderr
