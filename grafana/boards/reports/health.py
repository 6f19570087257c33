"""How fresh and how complete the data is, before anyone trusts a total."""

from __future__ import annotations

from boards.board import API_TAG, Board
from boards.infinity import Column, Kind, ReportTarget
from boards.panels import Unit, bars, listing, number
from boards.reports.targets import EVERY_FILTER, cost_over_time
from boards.variables import TIMEZONE, timezone, value_filter

__all__ = ["HEALTH"]

_HEALTH = ReportTarget(
    path="/api/health/data",
    columns=(
        Column("lag", "Lag"),
        Column("cost_records_count", "Records"),
        Column("performance_records_count", "Runs"),
        Column("unpriced_share", "Unpriced"),
        Column("fallback_share", "Fallback"),
        Column("unattributed_share", "Unattributed"),
    ),
    parameters=TIMEZONE,
)


def _gaps(path: str) -> ReportTarget:
    return ReportTarget(
        path=path,
        columns=(
            Column("service", "Service", Kind.TEXT),
            Column("model", "Model", Kind.TEXT),
            Column("reason", "Reason", Kind.TEXT),
            Column("operations_count", "Operations"),
            Column("total_cost", "Cost"),
        ),
        parameters={name: value for name, value in EVERY_FILTER.items() if name != "prompt"},
    )


_GAP_COLUMNS = {"Service": None, "Model": None, "Reason": None, "Operations": Unit.COUNT, "Cost": Unit.MONEY}

HEALTH = Board(
    name="health",
    title="Data health",
    about="How long ago the newest record arrived, and how much of the range is priced and attributed to users.",
    tag=API_TAG,
    page="/data-health",
    variables=(*(value_filter(name) for name in ("user", "service", "task_type", "prompt")), timezone()),
    panels=(
        number("Newest record, ago", _HEALTH, "Lag", Unit.DURATION, "None: the ledger is empty."),
        number("Cost records", _HEALTH, "Records", Unit.COUNT, "In the range, whatever the filters are."),
        number("Runs of steps", _HEALTH, "Runs", Unit.COUNT, "In the range, whatever the filters are."),
        number("Unpriced", _HEALTH, "Unpriced", Unit.SHARE, "Share of the records that nothing could price."),
        number("Fallback", _HEALTH, "Fallback", Unit.SHARE, "Share of the amount at the fallback model's price."),
        number("No user", _HEALTH, "Unattributed", Unit.SHARE, "Share of the amount that names no user."),
        bars(
            "Records over time by source of their amount",
            cost_over_time("source", "operations_count"),
            Unit.COUNT,
            "${__field.labels.group}",
            "A gap is time of which nothing is known.",
        ),
        listing("Usage without a price", _gaps("/api/analytics/cost/unpriced"), _GAP_COLUMNS, "Price rows to add."),
        listing(
            "Usage at the fallback price",
            _gaps("/api/analytics/cost/fallback"),
            _GAP_COLUMNS,
            "Charged as the fallback model, since its own price is not known.",
        ),
    ),
)
