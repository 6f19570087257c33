"""What must be known about a report and travels in its headers, and how its answers are documented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spanledger.values import decimal_text
from spanledger_api import headers
from spanledger_api.coverage import newest_arrival, read_coverage
from spanledger_api.problem import PROBLEM_RESPONSES
from spanledger_api.times import format_rfc3339

if TYPE_CHECKING:
    from spanledger_api.filters import Where
    from spanledger_clickhouse.ledger import Ledger


def freshness_headers(ledger: Ledger) -> dict[str, str]:
    """The header that says how fresh the ledger is; none while it is empty."""
    newest = newest_arrival(ledger)
    return {} if newest is None else {headers.DATA_AS_OF: format_rfc3339(newest)}


def share_headers(ledger: Ledger, where: Where, currency: str) -> dict[str, str]:
    """The headers that say how far amounts can be trusted: of which records, in which currency."""
    coverage = read_coverage(ledger, where)
    return {
        headers.CURRENCY: currency,
        headers.UNPRICED_SHARE: decimal_text(coverage.unpriced_share),
        headers.FALLBACK_SHARE: decimal_text(coverage.fallback_share),
    }


def amount_headers(ledger: Ledger, where: Where, currency: str) -> dict[str, str]:
    """The headers of a report of amounts; ask for them before the rows, so that the rows are at least as fresh."""
    return freshness_headers(ledger) | share_headers(ledger, where, currency)


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
_KEPT = {
    "ETag": _header("Stands for a closed window's whole answer; absent while the window is open.", '"0f1e2d3c"'),
    "Link": _header("The next page of a list that has one.", '</api/executions?offset=100>; rel="next"'),
}
_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The reader already holds the answer that `If-None-Match` names."}
}
_CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}

AMOUNT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The report, in order.", "headers": _AMOUNTS | _KEPT, "content": _CSV},
    **_UNCHANGED,
    **PROBLEM_RESPONSES,
}
"""OpenAPI description of the answers of a report of amounts."""

OPEN_AMOUNT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The list, in order.", "headers": _AMOUNTS},
    **PROBLEM_RESPONSES,
}
"""OpenAPI description of the answers of a list of amounts that is neither kept nor CSV."""

DURATION_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The report, in order.", "headers": _FRESHNESS | _KEPT, "content": _CSV},
    **_UNCHANGED,
    **PROBLEM_RESPONSES,
}
"""OpenAPI description of the answers of a report without amounts."""
