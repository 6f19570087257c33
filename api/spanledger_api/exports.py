"""Records as a file: GET /api/export."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from spanledger_api.parameters import Instant
from spanledger_api.problem import PROBLEM_RESPONSES
from spanledger_api.question import Asked
from spanledger_clickhouse.exports import ExportFormat, ExportTable, Selection, stream
from spanledger_clickhouse.query_slots import QuerySlots

__all__ = ["ExportParameters", "router"]

router = APIRouter(tags=["exports"])

_MEDIA_TYPES = {
    ExportFormat.JSONL: "application/x-ndjson",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}


_CONTENT: dict[str, Any] = {
    "text/csv": {
        "schema": {"type": "string"},
        "example": "execution_id,user_id,task_type,status,total_cost,ai_calls_count,error_message,started_at,"
        "completed_at\n"
        '"execution-2026-0314","user-123","video_generation","completed",0.06,1,"",'
        '"2026-03-14T15:09:26.535000000Z","2026-03-14T15:10:11.535000000Z"\n',
    },
    "application/x-ndjson": {
        "schema": {"type": "string"},
        "example": '{"execution_id":"execution-2026-0314","user_id":"user-123","task_type":"video_generation",'
        '"status":"completed","total_cost":0.06,"ai_calls_count":1,"error_message":"",'
        '"started_at":"2026-03-14T15:09:26.535000000Z","completed_at":"2026-03-14T15:10:11.535000000Z"}\n',
    },
    "application/vnd.apache.parquet": {
        "schema": {"type": "string", "format": "binary"},
        "example": "PAR1 (columns compressed with zstd) PAR1",
    },
}


class ExportParameters(BaseModel, extra="forbid", frozen=True):
    """Parameters of an export."""

    format: ExportFormat = Field(description="Form of the body.")
    table: ExportTable = Field(ExportTable.COST_RECORDS, description="Which rows; FOCUS is made of cost records only.")
    start: Instant = Field(alias="from", description="First instant covered (RFC 3339 with offset).")
    end: Instant = Field(alias="to", description="First instant no longer covered (RFC 3339 with offset).")
    service: str | None = Field(None, description="This service only.", examples=["openai"])
    user_id: str | None = Field(None, alias="userId", description="This user only; empty: records without a user.")
    task_type: str | None = Field(None, alias="taskType", description="This task type only.")
    execution_id: str | None = Field(None, alias="executionId", description="This task execution only.")
    currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="ISO 4217 code; records of this one only.")
    billing_account: str = Field(
        "spanledger", alias="billingAccount", min_length=1, description="Account that FOCUS names as billed."
    )

    @property
    def selection(self) -> Selection:
        """What is to be exported.

        Raises:
            InvalidRequestError: The window is empty, or the table cannot be narrowed so.
        """
        names = ("service", "user_id", "task_type", "execution_id", "currency")
        equal = {name: value for name in names if (value := getattr(self, name)) is not None}
        return Selection(self.table, self.format, self.start, self.end, equal, self.billing_account)


@router.get(
    "/api/export",
    summary="Records as a file",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The rows, in no particular order, while they are read.",
            "content": _CONTENT,
        },
        **PROBLEM_RESPONSES,
    },
)
def export(question: Asked, parameters: Annotated[ExportParameters, Query()]) -> StreamingResponse:
    """Every record of a window, exactly: as CSV, JSON lines, Parquet or FOCUS.

    The answer is sent while it is read, so a ledger that fails midway breaks the connection off. Two exports run at
    once, for an hour each at most; two more wait for ten seconds, and others get 503.
    """
    selection = parameters.selection
    extension = "csv" if selection.form.is_focus else selection.form.value
    name = f"{selection.table}.{extension}"
    return StreamingResponse(
        _begun(_in_turn(question.request.app.state.export_slots, stream(question.ledger, selection))),
        media_type=_MEDIA_TYPES.get(selection.form, "text/csv; charset=utf-8"),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _in_turn(slots: QuerySlots, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, once it is an export's turn: they hold a client of the ledger for as long as somebody reads."""
    with slots.taken():
        yield from pieces


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, heading and first rows already there: what fails at once is an error answer, not a broken one."""
    first = list(islice(pieces, 2))
    return chain(first, pieces)
