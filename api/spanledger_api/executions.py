"""One task execution with everything it paid for and did: GET /api/executions/{execution_id}."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import Decimal
from http import HTTPStatus
from string import Template
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, BeforeValidator, Field

from spanledger_api.amounts import Amount, Milliseconds, exact_arithmetic, milliseconds
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.execution_records import read_records
from spanledger_api.filters import Dimension, Where
from spanledger_api.problem import NOT_FOUND_RESPONSES, problem
from spanledger_api.reply import freshness_headers
from spanledger_api.rows import Row, ask, integer
from spanledger_api.times import format_rfc3339
from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.rollups import Source, one_moment

__all__ = ["CostRecord", "Execution", "PerformanceRecord", "router"]

router = APIRouter(tags=["executions"])

_AI_SERVICES = ("openai", "google_video_ai", "whisper")

# An execution may have several roots: one a process that takes part in it. The id is in the table's key, so that every
# version of a row has the same: it may be looked at before the other columns are read.
_EXECUTION = Template("""
SELECT
    execution_id,
    argMin(roots.user_id, (roots.user_id = '', roots.started_at, roots.span_id)) AS user_id,
    argMin(roots.task_type, (roots.task_type = '', roots.started_at, roots.span_id)) AS task_type,
    multiIf(
        countIf(roots.status = 'failed') > 0, 'failed', countIf(roots.status = 'running') > 0, 'running', 'completed'
    ) AS status,
    argMin(roots.error_message, (roots.error_message = '', roots.started_at, roots.span_id)) AS error_message,
    min(toUnixTimestamp64Nano(roots.started_at)) AS started_ns,
    if(
        countIf(isNull(roots.completed_at)) > 0, NULL, max(toUnixTimestamp64Nano(roots.completed_at))
    ) AS completed_ns
FROM task_executions_local AS roots FINAL
PREWHERE $where
GROUP BY execution_id
""")

_Optional = Annotated[str | None, BeforeValidator(lambda value: value or None)]
"""A text that the span may lack: empty in the ledger, null in the answer."""


class _Record(BaseModel, frozen=True):
    record_id: str = Field(description="The same for the same span, however often it arrives.")
    execution_id: _Optional
    user_id: _Optional
    task_type: _Optional
    step_name: _Optional
    started_at: str
    duration: Milliseconds
    duration_ns: int
    status: str = Field(description="`success` or `failed`.")
    error: _Optional
    metadata: dict[str, str]
    created_at: str = Field(description="When the span first arrived.")
    trace_id: str
    span_id: str


class CostRecord(_Record, frozen=True):
    """One paid operation."""

    service: str
    operation: str
    quantity: Amount = Field(description="How much was used, in `unit`.")
    unit: _Optional
    unit_cost: Amount = Field(description="Price of one unit; 0 where unpriced.")
    total_cost: Amount = Field(description="Price of the quantity; 0 where unpriced.")
    currency: str
    source: str = Field(description="`provider`, `price_book`, `fallback` or `unpriced`.")
    price_id: _Optional = Field(description="The dated price row that was applied.")
    reason: _Optional = Field(description="Why the amount is a fallback or missing.")
    model: _Optional
    prompt_category: _Optional
    prompt_name: _Optional


class PerformanceRecord(_Record, frozen=True):
    """One run of a step."""

    completed_at: str


class Execution(BaseModel):
    """One task execution."""

    execution_id: str
    user_id: _Optional
    task_type: _Optional
    status: str | None = Field(
        description="`running`, `completed` or `failed`; null where only records of it have arrived, not itself.",
        examples=["completed"],
    )
    total_cost: Amount = Field(description="Exact sum of its records in USD.")
    ai_calls_count: int
    error_message: _Optional
    started_at: str | None
    completed_at: str | None
    cost_records: list[CostRecord]
    performance_records: list[PerformanceRecord]


def _presented(row: Row) -> dict[str, object]:
    """The row with instants as RFC 3339 and durations in milliseconds."""
    result = dict(row)
    for name in ("started", "completed", "created"):
        if f"{name}_ns" in row:
            instant = result.pop(f"{name}_ns")
            result[f"{name}_at"] = format_rfc3339(instant) if isinstance(instant, int) else None
    if "duration_ns" in row:
        result["duration"] = milliseconds(integer(row, "duration_ns"))
    return result


def _recorded(row: Row) -> dict[str, object]:
    """A record's row as it is presented, under the id that the ledger's views give it."""
    result = _presented(row)
    digest = str(result.pop("digest"))
    spelt = f"{digest[:12]}8{digest[13:16]}8{digest[17:]}"
    return {**result, "record_id": str(UUID(spelt)), "trace_id": result.pop("trace"), "span_id": result.pop("span")}


def _paid(costs: list[CostRecord]) -> dict[str, object]:
    """What an execution's records add up to."""
    with exact_arithmetic():
        total = sum((record.total_cost for record in costs if record.currency == "USD"), Decimal(0))
    return {"total_cost": total, "ai_calls_count": sum(record.service in _AI_SERVICES for record in costs)}


def _without_root(execution_id: str, costs: list[CostRecord], steps: list[PerformanceRecord]) -> dict[str, object]:
    """What the records alone say of an execution that has not arrived itself."""
    records = [*costs, *steps]
    return {
        "execution_id": execution_id,
        "user_id": next((record.user_id for record in records if record.user_id), None),
        "task_type": next((record.task_type for record in records if record.task_type), None),
        "status": None,
        "error_message": None,
        "started_at": min((record.started_at for record in records), default=None),
        "completed_at": None,
    }


def _read(
    ledger: Ledger, where: Where, execution_id: str
) -> tuple[list[Row], list[CostRecord], list[PerformanceRecord]]:
    """The execution itself, if it has arrived, and its records; all that need not wait is asked side by side."""
    with ThreadPoolExecutor(len(Source)) as readers:
        costs, steps = (
            readers.submit(copy_context().run, read_records, ledger, source, where, execution_id)
            for source in (Source.COST, Source.PERFORMANCE)
        )
        roots = ask(ledger, _EXECUTION, where)
        return (
            roots,
            [CostRecord.model_validate(_recorded(row)) for row in costs.result()],
            [PerformanceRecord.model_validate(_recorded(row)) for row in steps.result()],
        )


@router.get(
    "/api/executions/{execution_id:path}",  # an id may hold slashes
    summary="One task execution",
    response_model=Execution,
    responses=NOT_FOUND_RESPONSES,
)
def execution(
    deployment: Deployed, execution_id: Annotated[str, Path(description="The execution's id.", min_length=1)]
) -> Response:
    """A task execution with its cost records and performance records, each ascending by start.

    Where records name the execution but it has not arrived itself, `status` is null and the other fields are what the
    records say. An id that nothing names is answered with 404.
    """
    where = Where(("execution_id != ''",)).equal(Dimension.EXECUTION_ID, execution_id)
    with one_moment(deployment.ledger):
        headers = freshness_headers(deployment.ledger)
        roots, costs, steps = _read(deployment.ledger, where, execution_id)
    if not roots and not costs and not steps:
        detail = f"No record names the execution {execution_id!r}."
        return problem(HTTPStatus.NOT_FOUND, "unknown-execution", detail)
    fields = _presented(roots[0]) if roots else _without_root(execution_id, costs, steps)
    found = Execution.model_validate({**fields, **_paid(costs), "cost_records": costs, "performance_records": steps})
    return Response(to_json(found), media_type="application/json", headers=headers)
