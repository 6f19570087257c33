"""Whether anything in the ledger has changed: GET /api/freshness, cheap enough to be asked every few seconds."""

from hashlib import sha256
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.problem import PROBLEM_RESPONSES
from spanledger_api.revalidation import REVALIDATED, is_known
from spanledger_api.times import format_rfc3339
from spanledger_clickhouse.rollups import arrivals_now, one_moment

__all__ = ["Freshness", "router"]

router = APIRouter(tags=["operation"])


class Freshness(BaseModel):
    """When the ledger last changed."""

    newest_arrival: str | None = Field(description="When the newest record arrived (RFC 3339); null: an empty ledger.")
    changed_at: str | None = Field(
        description="When a record was last written, by an arrival or a new price; null: an empty ledger."
    )


_RESPONSES: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing has changed since the answer that `If-None-Match` names."},
    **PROBLEM_RESPONSES,
}


@router.get("/api/freshness", summary="When the ledger last changed", response_model=Freshness, responses=_RESPONSES)
def freshness(request: Request, deployment: Deployed) -> Response:
    """When the newest record arrived and when one was last written, read from one row a day and not from the records.

    Its entity tag changes with every change of the ledger, so a page that shows reports asks here, and asks for the
    reports again only when this has changed.
    """
    with one_moment(deployment.ledger):
        newest = arrivals_now(deployment.ledger)
    arrived, changed = newest.arrived_ms, newest.changed_ms
    tag = f'"{sha256(f"{arrived}/{changed}".encode()).hexdigest()[:16]}"'
    kept = {"ETag": tag, "Cache-Control": REVALIDATED}
    if is_known(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
    found = Freshness(newest_arrival=_instant(arrived), changed_at=_instant(changed))
    return Response(to_json(found), media_type="application/json", headers=kept)


def _instant(milliseconds: int) -> str | None:
    return format_rfc3339(milliseconds * 1_000_000) if milliseconds else None
