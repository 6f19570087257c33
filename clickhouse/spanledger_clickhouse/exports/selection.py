"""What is to be exported: a table, a form, and which of the rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from spanledger.exceptions import InvalidRequestError
from spanledger_clickhouse.exports.columns import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ExportFormat", "ExportTable", "Selection"]


class ExportTable(StrEnum):
    """A table that can be exported."""

    COST_RECORDS = "cost_records"
    PERFORMANCE_RECORDS = "performance_records"
    TASK_EXECUTIONS = "task_executions"


class ExportFormat(StrEnum):
    """A form of an export."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    FOCUS_1_2 = "focus-1.2"
    FOCUS_1_4 = "focus-1.4"

    @property
    def is_focus(self) -> bool:
        """Whether it is FOCUS, which is made of cost records only."""
        return self in {ExportFormat.FOCUS_1_2, ExportFormat.FOCUS_1_4}


@dataclass(frozen=True, slots=True)
class Selection:
    """One export.

    Attributes:
        table: What rows.
        form: In what form.
        start: First instant covered, in nanoseconds since 1970 UTC, by when the row's span started.
        end: First instant no longer covered.
        equal: Values by column that the rows must have.
        billing_account: Account that FOCUS names as the one that is billed.

    Raises:
        InvalidRequestError: The window is empty, the table does not have such a column, or FOCUS is asked of another
            table than the cost records.
    """

    table: ExportTable
    form: ExportFormat
    start: int
    end: int
    equal: Mapping[str, str] = field(default_factory=dict[str, str])
    billing_account: str = "spanledger"

    def __post_init__(self) -> None:
        if self.start >= self.end:
            message = "must be earlier than 'to'; the window is half-open"
            raise InvalidRequestError(message, parameter="from")
        if self.form.is_focus and self.table is not ExportTable.COST_RECORDS:
            message = f"FOCUS is made of cost_records, not of {self.table}"
            raise InvalidRequestError(message, parameter="table")
        for name in self.equal:
            if name not in TABLES[self.table]:
                message = f"{self.table} has no column {name} to select by"
                raise InvalidRequestError(message, parameter=name)

    @property
    def where(self) -> str:
        """The conditions on the rows; every value is bound."""
        conditions = [
            "started_at >= fromUnixTimestamp64Nano({export_start:Int64}, 'UTC')",
            "started_at < fromUnixTimestamp64Nano({export_end:Int64}, 'UTC')",
            *(f"{name} = {{export_{name}:String}}" for name in self.equal),
        ]
        return " AND ".join(conditions)

    @property
    def parameters(self) -> dict[str, object]:
        """The values that the conditions bind."""
        chosen = {f"export_{name}": value for name, value in self.equal.items()}
        return {"export_start": self.start, "export_end": self.end, "account": self.billing_account, **chosen}
