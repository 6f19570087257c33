"""The page on the tables that are open to readers: their columns as the engine knows them, and what each holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from documentation.markdown import GENERATED, code, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["READABLE", "tables_page"]

_INTRODUCTION = """\
These names are for everybody: they give exact, deduplicated rows whatever happened on the way. What ends in `_local`
behind them is the ledger's own business. Amounts are `Decimal(38, 12)`, unit prices `Decimal(38, 18)`; sum them with
`sum(toDecimal256(total_cost, 12))`, since a sum of `Decimal(38, 12)` wraps silently where it outgrows its type."""

_IDENTITY: Final = {
    "execution_id": "The task execution it belongs to; empty where there is none.",
    "user_id": "On whose behalf; empty where nobody was named.",
    "task_type": "The kind of task, e.g. `video_generation`.",
    "step_name": "The step of the task.",
    "trace_id": "The trace of the span, 32 hexadecimal digits.",
    "span_id": "The span, 16 hexadecimal digits.",
    "created_at": "When it first arrived in the ledger, UTC.",
    "metadata": "Details that the engine stated, as text by name.",
    "error": "What went wrong, in words; empty where nothing did.",
    "duration": "How long it took, in milliseconds.",
    "duration_ns": "The same in whole nanoseconds.",
}

READABLE: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "cost_records": (
        "One row a paid operation.",
        {
            **_IDENTITY,
            "record_id": "UUID made of trace and span, so that the same span is the same record.",
            "service": "Who is paid: `openai`, `whisper`, `google_video_ai`, `s3`, `cloudfront`, `cloudflare_stream` …",
            "operation": "What was done; `{model}_{prompt category}_{prompt name}` for a prompt.",
            "quantity": "How much was used, in `unit`.",
            "unit": "`tokens`, `minutes`, `seconds`, `MB`, `GB` …",
            "unit_cost": "Price of one unit in `currency`; 0 where nothing priced it.",
            "total_cost": "Price of the whole quantity in `currency`; 0 with `source` `unpriced` means not known.",
            "started_at": "When the operation began, UTC.",
            "currency": "ISO 4217 code of both amounts; never add up two of them.",
            "source": "How the amount came about: `provider`, `price_book`, `fallback` or `unpriced`.",
            "price_id": "The dated price row that was used; empty where none was.",
            "reason": "Why the amount is a fallback or missing; empty otherwise.",
            "model": "The model that was used; empty where the service has none.",
            "prompt_category": "The prompt's category.",
            "prompt_name": "The prompt's name within its category.",
            "status": "`success` or `failed`.",
        },
    ),
    "performance_records": (
        "One row a step of a task.",
        {
            **_IDENTITY,
            "record_id": "UUID made of trace and span.",
            "started_at": "When the step began, UTC.",
            "completed_at": "When it ended, UTC.",
            "status": "`success` or `failed`.",
        },
    ),
    "task_executions": (
        "One row a task execution, with what it has cost until now.",
        {
            **_IDENTITY,
            "status": "`running`, `completed` or `failed`.",
            "total_cost": "Sum of its cost records in `currency`.",
            "currency": "ISO 4217 code of the total.",
            "ai_calls_count": "How many of them were calls of openai, google_video_ai or whisper.",
            "error_message": "Why it failed; empty otherwise.",
            "started_at": "When it began, UTC.",
            "completed_at": "When it ended, UTC; null while it runs.",
        },
    ),
}
"""What each readable table holds, and each of its columns."""


def tables_page(ledger: Ledger) -> str:
    """Every readable table with its columns.

    Args:
        ledger: A ledger with the current schema; the engine tells the types.

    Raises:
        KeyError: A column has no meaning here.
    """
    sections = [f"{GENERATED}\n# Tables\n\n{_INTRODUCTION}"]
    for name, (purpose, meanings) in READABLE.items():
        columns = ledger.query(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
            "ORDER BY position",
            {"table": name},
        )
        rows = [(code(str(row["name"])), code(str(row["type"])), meanings[str(row["name"])]) for row in columns]
        sections.append(f"## `{name}`\n\n{purpose}\n\n{table(('column', 'type', 'meaning'), rows)}")
    return "\n\n".join(sections) + "\n"
