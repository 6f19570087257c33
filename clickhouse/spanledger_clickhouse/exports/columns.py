"""The columns of the tables that can be exported, and how each is written down as text and as itself."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TABLES", "Column", "native_sql", "text_sql"]


class Column(Enum):
    """What a column holds."""

    PLAIN = "plain"
    """Text, an integer or a decimal: the engine writes it as it is."""
    INSTANT = "instant"
    """A point in time in nanoseconds, UTC; may be missing."""
    DURATION = "duration"
    """Milliseconds, made of the exact nanoseconds beside it."""
    IDENTITY = "identity"
    """A UUID."""
    MAP = "map"
    """Details by name."""


_SPAN_IDS: Final = {"trace_id": Column.PLAIN, "span_id": Column.PLAIN}

TABLES: Final[Mapping[str, Mapping[str, Column]]] = {
    "cost_records": {
        "record_id": Column.IDENTITY,
        **dict.fromkeys(("execution_id", "user_id", "service", "operation", "quantity", "unit"), Column.PLAIN),
        **dict.fromkeys(("unit_cost", "total_cost"), Column.PLAIN),
        "started_at": Column.INSTANT,
        "duration": Column.DURATION,
        "metadata": Column.MAP,
        "created_at": Column.INSTANT,
        **dict.fromkeys(("currency", "source", "price_id", "reason", "model", "task_type"), Column.PLAIN),
        **dict.fromkeys(("step_name", "prompt_category", "prompt_name", "status", "error"), Column.PLAIN),
        **_SPAN_IDS,
    },
    "performance_records": {
        "record_id": Column.IDENTITY,
        **dict.fromkeys(("execution_id", "user_id", "task_type", "step_name"), Column.PLAIN),
        "started_at": Column.INSTANT,
        "completed_at": Column.INSTANT,
        "duration": Column.DURATION,
        **dict.fromkeys(("status", "error"), Column.PLAIN),
        "metadata": Column.MAP,
        "created_at": Column.INSTANT,
        **_SPAN_IDS,
    },
    "task_executions": {
        **dict.fromkeys(("execution_id", "user_id", "task_type", "status", "total_cost"), Column.PLAIN),
        **dict.fromkeys(("ai_calls_count", "error_message"), Column.PLAIN),
        "started_at": Column.INSTANT,
        "completed_at": Column.INSTANT,
    },
}
"""Every table by name, its columns in order."""

_DURATION: Final = "CAST(duration_ns AS Decimal(38, 6)) / 1000000"


def text_sql(name: str, column: Column, *, maps_as_text: bool) -> str:
    """How a column is selected for a text format: times as RFC 3339, a map as a JSON text where it has no own form."""
    match column:
        case Column.INSTANT:
            return f"concat(replaceOne(toString({name}), ' ', 'T'), 'Z')"
        case Column.IDENTITY:
            return f"toString({name})"
        case Column.MAP if maps_as_text:
            return f"toJSONString({name})"
        case Column.DURATION:
            return _DURATION
        case _:
            return name


def native_sql(name: str, column: Column) -> str:
    """How a column is selected for a format with types of its own."""
    match column:
        case Column.IDENTITY:
            return f"toString({name})"
        case Column.DURATION:
            return _DURATION
        case _:
            return name
