"""``spanledger prices history``: which price rows the ledger's records were charged by, and when."""

from __future__ import annotations

from typing import Final

import click

from spanledger_api.command_line.options import dsn_option
from spanledger_api.command_line.output import print_csv, print_json, print_table

__all__ = ["history"]

_COLUMNS: Final = (
    *("service", "model", "price_id", "source", "unit", "unit_cost_min", "unit_cost_max", "currency"),
    *("first_used", "last_used", "records", "total_cost", "adjusted"),
)

_HISTORY: Final = """
SELECT
    service, model, price_id, source, unit, min(unit_cost) AS unit_cost_min, max(unit_cost) AS unit_cost_max, currency,
    toString(min(toDate(started_at))) AS first_used, toString(max(toDate(started_at))) AS last_used,
    count() AS records, sum(toDecimal256(cost_records.total_cost, 12)) AS total_cost,
    countIf((trace_id, span_id) IN (SELECT trace_id, span_id FROM adjustments)) AS adjusted
FROM cost_records
WHERE {name:String} IN ('', service, model, price_id)
GROUP BY service, model, price_id, source, unit, currency
ORDER BY service, model, first_used, price_id, source, unit
"""


@click.command("history")
@click.argument("name", default="")
@dsn_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def history(name: str, dsn: str, *, as_json: bool, as_csv: bool) -> None:
    """Show which price rows the records of the service, model or price id NAME were charged by, and from when to when.

    Without NAME, of all. The unit cost of a row with several rates is a blend, so it has a least and a greatest value.
    `adjusted` counts the records that a re-pricing has changed.
    """
    if as_json and as_csv:
        message = "--json and --csv exclude each other"
        raise click.UsageError(message)
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415 - the engine is slow to load
    from spanledger_clickhouse.migrations import check_schema  # noqa: PLC0415

    with open_ledger(dsn) as ledger:
        check_schema(ledger)
        rows = ledger.query(_HISTORY, {"name": name})
    if as_json:
        print_json(rows)
    elif as_csv:
        print_csv(_COLUMNS, rows)
    else:
        print_table(f"Prices used{f' for {name}' if name else ''}", _COLUMNS, rows)
