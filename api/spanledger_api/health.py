"""Whether the process lives, whether it can answer, and what it has done: /healthz, /readyz and /metrics."""

import logging
from string import Template

from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter, Request, Response

from spanledger.exceptions import LedgerUnavailableError
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.filters import Where
from spanledger_api.metrics import Metrics
from spanledger_api.problem import PROBLEM_RESPONSES, unavailable
from spanledger_api.rows import ask

__all__ = ["router"]

router = APIRouter(tags=["operation"])

# Naming the views proves the schema is there, reading none of their rows keeps a probe cheap.
_ANSWERS = Template("""
SELECT count() AS records
FROM (SELECT 1 FROM cost_records WHERE $where UNION ALL SELECT 1 FROM performance_records WHERE $where)
""")
_NOTHING = Where(("0",))
_COUNTED = """\
# HELP spanledger_api_requests_total Answered requests.
# TYPE spanledger_api_requests_total counter
spanledger_api_requests_total{method="GET",route="/api/analytics/cost/users",status="200"} 42.0
"""

_log = logging.getLogger(__name__)


@router.get(
    "/healthz",
    summary="The process lives",
    responses={200: {"content": {"application/json": {"example": {"status": "alive"}}}}},
)
def healthz() -> dict[str, str]:
    """200 for as long as the process answers at all; it does not ask the ledger."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="The ledger answers",
    responses={
        200: {"content": {"application/json": {"example": {"status": "ready"}}}},
        503: PROBLEM_RESPONSES[503],
    },
)
def readyz(deployment: Deployed) -> Response:
    """200 once the ledger answers a query over the current schema, else a problem."""
    try:
        ask(deployment.ledger, _ANSWERS, _NOTHING)
    except (ClickHouseError, LedgerUnavailableError) as error:
        _log.warning("Not ready: %s", error)
        return unavailable(
            "The ledger does not answer, or its schema is older; `spanledger migrate` brings it up to date."
        )
    return Response(to_json({"status": "ready"}), media_type="application/json")


@router.get(
    "/metrics",
    summary="Counters of this process",
    responses={
        200: {
            "description": "Prometheus text.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": _COUNTED}},
        }
    },
    response_class=Response,
)
def metrics(request: Request) -> Response:
    """Requests by method, route and status, and how long they took, as Prometheus reads them."""
    found = request.app.state.metrics
    if not isinstance(found, Metrics):
        message = "the app was not made by create_app"
        raise TypeError(message)
    return Response(found.exposition(), media_type=found.media_type)
