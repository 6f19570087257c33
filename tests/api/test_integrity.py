"""The checks of a ledger find what is wrong with it, and finish what was interrupted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.pricing import Calculator, PriceBook
from spanledger_api.integrity import State, check_ledger
from spanledger_clickhouse.repricing import BatchState, Repricer, read_batches
from tests.api.spans import Span, store
from tests.clickhouse.repricing.conftest import EVERYTHING, NEW_PRICES, arrive, chat, records

if TYPE_CHECKING:
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger


def _states(ledger: Ledger) -> dict[str, tuple[State, str]]:
    return {check.name: (check.state, check.finding) for check in check_ledger(ledger, datetime.now(UTC))}


def test_a_healthy_ledger_passes(ledger: Ledger) -> None:
    """Priced records of today: every check is ok and none has a next step."""
    store(ledger, [Span(start=datetime.now(UTC), service="s3", cost=Decimal(1), user="u")])

    assert {check.name: (check.state, check.next_step) for check in check_ledger(ledger, datetime.now(UTC))} == (
        dict.fromkeys(
            ("schema", "lag", "unpriced", "fallback", "gaps", "losses", "re-pricings", "rollups"), (State.OK, "")
        )
    )


def test_what_is_wrong_is_named(ledger: Ledger) -> None:
    """Gaps, losses told twice, unpriced and fallback records each show with their numbers."""
    now = datetime.now(UTC)
    store(
        ledger,
        [
            Span(start=now, service="s3", source="unpriced"),
            Span(start=now, service="s3", cost=Decimal(1), source="fallback"),
            Span(start=now - timedelta(days=3), service="s3", cost=Decimal(1)),
        ],
    )
    for _ in range(2):
        ledger.command(
            "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanAttributes) SELECT "
            "now64(9), 'a', 'b', 'spanledger.losses', map('spanledger.losses.pricing', '3')"
        )

    found = _states(ledger)

    assert found["unpriced"][0] is State.WARN
    assert found["fallback"][0] is State.WARN
    assert found["losses"] == (State.WARN, "engines reported: pricing 3")
    assert found["gaps"][0] is State.WARN
    assert (now - timedelta(days=2)).date().isoformat() in found["gaps"][1]


def test_an_empty_ledger_is_told_apart(ledger: Ledger) -> None:
    """Nothing has arrived: a warning with the next step, and no failure."""
    found = _states(ledger)

    assert found["lag"] == (State.WARN, "nothing has arrived yet")
    assert State.FAIL not in {state for state, _ in found.values()}


def test_an_interrupted_repricing_is_finished(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A committed batch whose command died is carried out, and the check says so."""
    file = tmp_path / "prices.toml"
    file.write_text(NEW_PRICES)
    book = PriceBook.with_overrides(file)
    repricer = Repricer(ledger, book, Calculator(book))
    arrive(ledger, 1, chat())

    class _DeadError(Exception):
        """The command is killed."""

    def die(*_: object) -> None:
        raise _DeadError

    monkeypatch.setattr("spanledger_clickhouse.repricing.repricer.apply_batch", die)
    with pytest.raises(_DeadError):
        repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")
    monkeypatch.undo()
    assert [batch.state for batch in read_batches(ledger)] == [BatchState.COMMITTED]

    assert _states(ledger)["re-pricings"][0] is State.WARN
    assert [batch.state for batch in read_batches(ledger)] == [BatchState.APPLIED]
    assert [record["total_cost"] for record in records(ledger)] == [Decimal("0.046")]
    assert _states(ledger)["re-pricings"][0] is State.OK


def test_a_schema_that_is_not_ours_stops_the_checks(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that this program lacks is the one failure, with the next step."""
    monkeypatch.setattr("spanledger_clickhouse.migrations.known_migrations", list)

    [only] = check_ledger(ledger, datetime.now(UTC))

    assert (only.name, only.state) == ("schema", State.FAIL)
