"""How fresh and how complete the data is."""

from __future__ import annotations

from boards.board import SQL_TAG, Board
from boards.clickhouse import SqlTarget
from boards.panels import Unit, bars, listing, number
from boards.queries.conditions import COSTS, FILTER_VARIABLES, MONEY, cost_over_time

__all__ = ["HEALTH"]

# The range does not matter here: what arrived last may have started long ago.
_LAG = SqlTarget(
    sql="""
SELECT dateDiff('millisecond', max(created_at), now64(3)) AS "Lag"
FROM cost_records
WHERE created_at > now() - INTERVAL 7 DAY
HAVING count() > 0
"""
)
_SHARES = SqlTarget(
    sql=f"""
SELECT
    count() AS "Records", countIf(source = 'unpriced') / greatest(count(), 1) AS "Unpriced",
    countIf(source = 'fallback') / greatest(count(), 1) AS "Fallback",
    countIf(user_id = '') / greatest(count(), 1) AS "Unattributed"
{COSTS}
"""
)
_GAPS = SqlTarget(
    sql=f"""
SELECT
    service AS "Service", model AS "Model", source AS "Source", reason AS "Reason", count() AS "Operations",
    {MONEY} AS "Cost"
{COSTS} AND source IN ('unpriced', 'fallback')
GROUP BY "Service", "Model", "Source", "Reason"
ORDER BY "Operations" DESC, "Service", "Model", "Source", "Reason"
LIMIT 200
"""
)

HEALTH = Board(
    name="health",
    title="Data health (SQL)",
    about="How long ago the newest record arrived, and how much of the range is priced, by SQL over cost_records.",
    tag=SQL_TAG,
    page="/data-health",
    variables=FILTER_VARIABLES,
    panels=(
        number("Newest record, ago", _LAG, "Lag", Unit.DURATION, "None: nothing arrived for a week."),
        number("Cost records", _SHARES, "Records", Unit.COUNT, "In the range."),
        number("Unpriced", _SHARES, "Unpriced", Unit.SHARE, "Share of the records that nothing could price."),
        number("Fallback", _SHARES, "Fallback", Unit.SHARE, "Share of the records at the fallback model's price."),
        number("No user", _SHARES, "Unattributed", Unit.SHARE, "Share of the records that name no user."),
        bars(
            "Cost over time by source of the amount",
            cost_over_time("source"),
            Unit.MONEY,
            "${__field.labels.group}",
            "A gap is time of which nothing is known.",
        ),
        listing(
            "Usage without a price of its own",
            _GAPS,
            {
                "Service": None,
                "Model": None,
                "Source": None,
                "Reason": None,
                "Operations": Unit.COUNT,
                "Cost": Unit.MONEY,
            },
            "Price rows to add.",
        ),
    ),
)
