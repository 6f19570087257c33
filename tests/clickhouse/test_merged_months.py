"""Which months have every row once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from spanledger_clickhouse.merged_months import read_merged_months
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

TABLE = "cost_records_local"
MARCH, APRIL = date(2026, 3, 14), date(2026, 4, 1)


def _paid(start: datetime) -> Span:
    return Span(service="s3", cost=Decimal(1), start=start)


def test_a_month_is_merged_until_something_of_it_arrives(ledger: Ledger) -> None:
    """Only days of months that lie in one merged part are held, and nothing is known of tables without parts."""
    march, april = datetime(2026, 3, 14, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    store(ledger, [_paid(march), _paid(april)])
    ledger.command(f"OPTIMIZE TABLE {TABLE} FINAL")
    store(ledger, [_paid(march)])

    months = read_merged_months(ledger, [TABLE, "performance_records_local"])

    assert months.hold(TABLE, [APRIL])
    assert not months.hold(TABLE, [MARCH, APRIL])
    assert not months.hold(TABLE, None)
    assert not months.hold("performance_records_local", [APRIL])


def test_times_that_no_date_names_count_for_all(ledger: Ledger) -> None:
    """A record from before 1970 has a later date, so its part must be merged too."""
    store(ledger, [_paid(datetime(2026, 4, 1, tzinfo=UTC))])
    before = read_merged_months(ledger, [TABLE])
    for _ in range(2):
        store(ledger, [_paid(datetime(1969, 12, 31, tzinfo=UTC))])

    assert before.hold(TABLE, [APRIL])
    assert not read_merged_months(ledger, [TABLE]).hold(TABLE, [APRIL])
