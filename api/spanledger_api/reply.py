"""A report as an HTTP answer: the bare list as the body, what must be known about it in the headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Response

from spanledger_api import headers
from spanledger_api.command_line.output import decimal_text
from spanledger_api.coverage import newest_arrival, read_coverage
from spanledger_api.encoding import to_csv, to_json
from spanledger_api.parameters import ReportFormat
from spanledger_api.problem import PROBLEM_RESPONSES
from spanledger_api.times import format_rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pydantic import BaseModel

    from spanledger_api.filters import Where
    from spanledger_clickhouse.ledger import Ledger


def freshness_headers(ledger: Ledger, now: datetime) -> dict[str, str]:
    """The header that says how fresh the ledger is; none while it is empty."""
    newest = newest_arrival(ledger, now)
    return {} if newest is None else {headers.DATA_AS_OF: format_rfc3339(newest)}


def amount_headers(ledger: Ledger, now: datetime, where: Where, currency: str) -> dict[str, str]:
    """The headers of a report of amounts; ask for them before the rows, so that the rows are at least as fresh."""
    result = freshness_headers(ledger, now)
    coverage = read_coverage(ledger, where)
    return {
        **result,
        headers.CURRENCY: currency,
        headers.UNPRICED_SHARE: decimal_text(coverage.unpriced_share),
        headers.FALLBACK_SHARE: decimal_text(coverage.fallback_share),
    }


def report(model: type[BaseModel], rows: Sequence[BaseModel], form: ReportFormat, extra: dict[str, str]) -> Response:
    """Rows as a JSON list or as CSV with a heading line, even where there are no rows.

    Args:
        model: The rows' type, whose fields are the columns.
        rows: The rows, in order.
        form: JSON or CSV.
        extra: Further response headers.
    """
    if form is ReportFormat.CSV:
        return Response(to_csv(list(model.model_fields), rows), media_type="text/csv; charset=utf-8", headers=extra)
    return Response(to_json(rows), media_type="application/json", headers=extra)


def _header(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, "example": example}


_FRESHNESS = {
    headers.DATA_AS_OF: _header(
        "When the newest record in the ledger arrived; absent while it is empty.", "2026-03-14T15:09:26.535Z"
    )
}
_AMOUNTS = {
    **_FRESHNESS,
    headers.CURRENCY: _header("ISO 4217 code of every amount in the body.", "USD"),
    headers.UNPRICED_SHARE: _header("Share (0 to 1) of the records that nothing could price; they add 0.", "0.002"),
    headers.FALLBACK_SHARE: _header("Share (0 to 1) of the amount priced by the fallback model's price.", "0"),
}
_CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}

AMOUNT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The report, in order.", "headers": _AMOUNTS, "content": _CSV},
    **PROBLEM_RESPONSES,
}
"""OpenAPI description of the answers of a report of amounts."""

DURATION_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The report, in order.", "headers": _FRESHNESS, "content": _CSV},
    **PROBLEM_RESPONSES,
}
"""OpenAPI description of the answers of a report without amounts."""
