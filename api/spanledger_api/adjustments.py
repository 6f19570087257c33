"""What was changed after the fact: GET /api/adjustments and GET /api/adjustments/batches."""

from string import Template
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger.exceptions import PermissionDeniedError
from spanledger_api.amounts import Amount
from spanledger_api.filters import Dimension, Where
from spanledger_api.paging import Page, Paged
from spanledger_api.parameters import Instant, ReportFormat
from spanledger_api.problem import PROBLEM_RESPONSES
from spanledger_api.question import Asked, columns_of
from spanledger_api.rows import Row, ask, integer, text
from spanledger_api.times import format_rfc3339
from spanledger_api.window import Window, overridden
from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.repricing import BatchKind, BatchState

__all__ = ["Adjustment", "AdjustmentBatch", "router"]

router = APIRouter(tags=["adjustments"])

_ADJUSTMENTS = Template("""
SELECT
    toString(adjustment_id) AS id, batch_id, undoes, trace_id, span_id, toString(record_id) AS record,
    toUnixTimestamp64Nano(started_at) AS started_ns, service, user_id, operation, currency, total_cost_before,
    total_cost_after, unit_cost_before, unit_cost_after, difference, price_id_before, price_id_after, source_before,
    source_after, toUnixTimestamp64Milli(recorded_at) AS recorded_ms, recorded_by, why, tool_version
FROM adjustments
WHERE $where
ORDER BY number DESC, started_ns, trace_id, span_id
""")
_BATCHES = Template("""
SELECT
    batch_id, kind, state, undoes, reason, toUnixTimestamp64Milli(recorded_at) AS recorded_ms, recorded_by,
    tool_version, toUnixTimestamp64Nano(window_start) AS start_ns, toUnixTimestamp64Nano(window_end) AS end_ns,
    service, user_id, adjustments, unchanged, unpriceable, difference
FROM adjustment_batches
WHERE $where
ORDER BY number DESC, batch_id
""")
_MILLISECOND_NS = 1_000_000


class Adjustment(BaseModel):
    """What one record was, and what a re-pricing or its undoing made of it."""

    adjustment_id: str
    batch_id: str = Field(description="The batch it was made in.")
    undoes: str | None = Field(description="The adjustment that it takes back; null if it takes back none.")
    record_id: str = Field(description="The cost record.")
    trace_id: str
    span_id: str
    started_at: str = Field(description="When the paid operation started (RFC 3339).")
    service: str
    user_id: str | None = Field(description="Null where the record names none.")
    operation: str
    currency: str = Field(description="ISO 4217 code of the amounts.")
    total_cost_before: Amount = Field(description="The record's amount before; 0 where it was unpriced.")
    total_cost_after: Amount = Field(description="Its amount since.")
    difference: Amount = Field(description="What was added to it; negative if it fell.")
    unit_cost_before: Amount
    unit_cost_after: Amount
    price_id_before: str | None = Field(description="The price row it had been charged by; null without one.")
    price_id_after: str | None = Field(description="The price row it is charged by since.")
    source_before: str = Field(description="How the amount had come about.")
    source_after: str
    recorded_at: str = Field(description="When the change was made (RFC 3339).")
    recorded_by: str = Field(description="Who asked for it.")
    why: str = Field(description="The reason in their words; may be empty.")
    tool_version: str = Field(description="The version of Spanledger that made it.")


class CurrencyDifference(BaseModel):
    """What a batch added to the amounts of one currency."""

    currency: str
    difference: Amount


class AdjustmentBatch(BaseModel):
    """One re-pricing, or the undoing of one."""

    batch_id: str
    kind: BatchKind = Field(description="`reprice` or `undo`.")
    state: BatchState = Field(description="Only what is `committed` or `applied` takes effect.")
    undoes: str | None = Field(description="The batch that it takes back.")
    reason: str = Field(examples=["contract price from March on"])
    recorded_at: str = Field(description="RFC 3339.")
    recorded_by: str
    tool_version: str
    window_start: str = Field(description="First instant of the records it looked at (RFC 3339).")
    window_end: str = Field(description="First instant after them (RFC 3339).")
    service: str | None = Field(description="The only service it looked at; null for all.")
    user_id: str | None = Field(description="The only user it looked at; null for all.")
    adjustments: int = Field(description="How many records it changed.")
    unchanged: int
    unpriceable: int = Field(description="How many it could not price again; they stayed as they were.")
    difference: list[CurrencyDifference]


class BatchParameters(Paged, extra="forbid", frozen=True):
    """Parameters of the list of batches."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most; `Link` names the next page, if any.")
    state: BatchState | None = Field(None, description="Those in this state only.")

    @property
    def format(self) -> ReportFormat:
        """Batches are nested, so JSON is their only form."""
        return ReportFormat.JSON


class AdjustmentParameters(Paged, extra="forbid", frozen=True):
    """Parameters of the list of adjustments."""

    batch_id: str | None = Field(None, alias="batchId", description="Those of this batch only.")
    start: Instant | None = Field(None, alias="from", description="Of records that started then or later (RFC 3339).")
    end: Instant | None = Field(None, alias="to", description="Of records that started before (RFC 3339).")
    service: str | None = Field(None, description="This service only.", examples=["openai"])
    user_id: str | None = Field(None, alias="userId", description="This user only; empty: records without a user.")
    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body.")

    def where(self) -> Where:
        """The conditions on the adjustments to read.

        Raises:
            InvalidRequestError: The window would be empty.
        """
        where = Where.within(overridden(Window(0), self.start, self.end))
        where = where.equal(Dimension.SERVICE, self.service).equal(Dimension.USER_ID, self.user_id)
        if self.batch_id is None:
            return where
        condition = "batch_id = {batch_id:String}"
        return Where((*where.conditions, condition), {**where.parameters, "batch_id": self.batch_id})


def _read_adjustments(ledger: Ledger, where: Where, page: Page) -> list[Adjustment]:
    return [_adjustment(row) for row in ask(ledger, _ADJUSTMENTS, where, page)]


def _read_batches(ledger: Ledger, state: BatchState | None, page: Page) -> list[AdjustmentBatch]:
    where = Where(("1",)) if state is None else Where(("state = {state:String}",), {"state": state.value})
    return [_batch(row) for row in ask(ledger, _BATCHES, where, page)]


def _adjustment(row: Row) -> Adjustment:
    nullable = ("undoes", "user_id", "price_id_before", "price_id_after")
    return Adjustment.model_validate(
        {
            **row,
            **{name: text(row, name) or None for name in nullable},
            "adjustment_id": text(row, "id"),
            "record_id": text(row, "record"),
            "started_at": format_rfc3339(integer(row, "started_ns")),
            "recorded_at": _recorded(row),
        }
    )


def _batch(row: Row) -> AdjustmentBatch:
    differences = cast("dict[str, Amount]", row["difference"])
    return AdjustmentBatch.model_validate(
        {
            **row,
            **{name: text(row, name) or None for name in ("undoes", "service", "user_id")},
            "recorded_at": _recorded(row),
            "window_start": format_rfc3339(integer(row, "start_ns")),
            "window_end": format_rfc3339(integer(row, "end_ns")),
            "difference": [{"currency": code, "difference": differences[code]} for code in sorted(differences)],
        }
    )


def _recorded(row: Row) -> str:
    return format_rfc3339(integer(row, "recorded_ms") * _MILLISECOND_NS)


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The list, in order.", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get(
    "/api/adjustments",
    summary="Adjustments of records",
    response_model=list[Adjustment],
    responses={**_RESPONSES, **PROBLEM_RESPONSES},
)
def adjustments(question: Asked, parameters: Annotated[AdjustmentParameters, Query()]) -> Response:
    """What re-pricings changed, record by record, the latest batch first."""
    where = parameters.where()
    return question.open_durations(
        columns_of(Adjustment), parameters, lambda: _read_adjustments(question.ledger, where, parameters.page)
    )


@router.get(
    "/api/adjustments/batches",
    summary="Re-pricings",
    response_model=list[AdjustmentBatch],
    responses=PROBLEM_RESPONSES,
)
def batches(question: Asked, parameters: Annotated[BatchParameters, Query()]) -> Response:
    """Every re-pricing and what became of it, the latest first."""
    if question.ledger.hides_rows:
        message = "A key that is bound to some rows cannot see whole re-pricings; ask for /api/adjustments."
        raise PermissionDeniedError(message)
    return question.open_durations(
        columns_of(AdjustmentBatch),
        parameters,
        lambda: _read_batches(question.ledger, parameters.state, parameters.page),
    )
