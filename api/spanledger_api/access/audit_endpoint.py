"""What administrators did, for administrators: GET /api/audit."""

from string import Template
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.access.audit import REQUEST_ID_FIELD
from spanledger_api.access.dependencies import Administrator
from spanledger_api.filters import Where
from spanledger_api.paging import Paged
from spanledger_api.parameters import ReportFormat
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import DURATION_RESPONSES
from spanledger_api.rows import Row, ask, integer, text
from spanledger_api.times import format_rfc3339

__all__ = ["AuditParameters", "router"]

router = APIRouter(tags=["access"])

_SQL = Template("""
SELECT
    toString(entry_id) AS entry_id, toUnixTimestamp64Micro(recorded_at) * 1000 AS recorded_ns, actor,
    actor_name, action, subject, detail
FROM audit_log
WHERE $where
ORDER BY recorded_at DESC, entry_id
""")


class AuditEntry(BaseModel):
    """One thing that was done."""

    entry_id: str
    recorded_at: str = Field(description="When it was done (RFC 3339).")
    actor: str = Field(description="Who did it: a key's id, a token's subject, `none` without keys, or `cli`.")
    actor_name: str | None = Field(description="What people call them; null without a name.")
    action: str = Field(description="What was done.", examples=["key.created"])
    subject: str = Field(description="What it was done to, by its id.")
    request_id: str | None = Field(description="The `X-Request-Id` it came with; null where no request was.")
    detail: dict[str, object] = Field(description="What else matters; which fields depends on the action.")


class AuditParameters(Paged, extra="forbid", frozen=True):
    """Parameters of the log."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most; `Link` names the next page, if any.")
    action: str | None = Field(None, description="Entries of this action only.", examples=["key.created"])
    subject: str | None = Field(None, description="Entries about this subject only.")
    actor: str | None = Field(None, description="Entries of what this key, subject or `cli` did only.")
    request_id: str | None = Field(None, alias="requestId", description="Entries of this request only.")
    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body; CSV leaves the detail out.")

    def where(self) -> Where:
        """The conditions on the entries."""
        stated = {
            "action": self.action,
            "subject": self.subject,
            "actor": self.actor,
            REQUEST_ID_FIELD: self.request_id,
        }
        bound = {name: value for name, value in stated.items() if value is not None}
        columns = {REQUEST_ID_FIELD: f"JSONExtractString(detail, '{REQUEST_ID_FIELD}')"}
        return Where(("1", *(f"{columns.get(name, name)} = {{{name}:String}}" for name in bound)), bound)


@router.get(
    "/api/audit", summary="What administrators did", response_model=list[AuditEntry], responses=DURATION_RESPONSES
)
def audit(question: Asked, administrator: Administrator, parameters: Annotated[AuditParameters, Query()]) -> Response:
    """The log of what administrators changed, the newest first. Entries are only ever added."""
    del administrator
    columns = [name for name in columns_of(AuditEntry) if name != "detail"]
    return question.open_durations(
        columns,
        parameters,
        lambda: [_entry(row) for row in ask(question.ledger, _SQL, parameters.where(), parameters.page)],
    )


def _entry(row: Row) -> AuditEntry:
    detail = msgspec.json.decode(text(row, "detail"), type=dict[str, object])
    found = detail.pop(REQUEST_ID_FIELD, None)
    return AuditEntry(
        entry_id=text(row, "entry_id"),
        recorded_at=format_rfc3339(integer(row, "recorded_ns")),
        actor=text(row, "actor"),
        actor_name=text(row, "actor_name") or None,
        action=text(row, "action"),
        subject=text(row, "subject"),
        request_id=None if found is None else str(found),
        detail=detail,
    )
