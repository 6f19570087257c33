"""How re-pricings are shown: previews and batches, as tables and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from spanledger_api.command_line.output import print_table
from spanledger_api.times import format_rfc3339, nanoseconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.repricing import Batch, Change, Preview

__all__ = ["batch_document", "preview_document", "print_batches", "print_preview"]

_AMOUNTS: Final = ("currency", "before", "after", "difference", "changed", "unchanged", "unpriceable")
_SHOWN: Final = 20


def preview_document(preview: Preview) -> dict[str, object]:
    """A preview as JSON has it, every breakdown in full."""
    return {
        "totals": [_row(change, currency=currency) for currency, change in sorted(preview.totals.items())],
        **{f"by_{name}": _rows(name, found) for name, found in preview.by.items()},
        "unpriceable": [{"reason": reason, "records": count} for reason, count in preview.unpriceable.most_common()],
    }


def batch_document(batch: Batch) -> dict[str, object]:
    """A batch as JSON has it."""
    return {
        "batch_id": batch.batch_id,
        "kind": batch.kind.value,
        "state": batch.state.value,
        "undoes": batch.undoes or None,
        "reason": batch.reason,
        "recorded_at": format_rfc3339(nanoseconds_of(batch.recorded_at)),
        "recorded_by": batch.recorded_by,
        "tool_version": batch.tool_version,
        "from": format_rfc3339(nanoseconds_of(batch.window_start)),
        "to": format_rfc3339(nanoseconds_of(batch.window_end)),
        "service": batch.service or None,
        "user_id": batch.user_id or None,
        "adjustments": batch.adjustments,
        "unchanged": batch.unchanged,
        "unpriceable": batch.unpriceable,
        "difference": dict(batch.difference or {}),
    }


def print_preview(preview: Preview, title: str) -> None:
    """Print what would change: in total, and the largest differences by service, user and day."""
    totals = [_row(change, currency=currency) for currency, change in sorted(preview.totals.items())]
    print_table(title, _AMOUNTS, totals)
    for name, found in preview.by.items():
        rows = [row for row in _rows(name, found) if row["changed"]]
        if rows:
            print_table(f"By {name}", (name, *_AMOUNTS), rows[:_SHOWN])
        if len(rows) > _SHOWN:
            click.echo(f"{len(rows) - _SHOWN} more by {name}; --json lists all.", err=True)
    for reason, count in preview.unpriceable.most_common(_SHOWN):
        click.echo(f"{count} stay as they are: {reason}", err=True)


def print_batches(batches: list[Batch]) -> None:
    """Print batches, one a row."""
    columns = ("batch_id", "kind", "state", "recorded_at", "recorded_by", "adjustments", "difference", "reason")
    rows = [batch_document(batch) for batch in batches]
    for row, batch in zip(rows, batches, strict=True):
        row["difference"] = ", ".join(f"{amount:f} {code}" for code, amount in (batch.difference or {}).items())
    print_table("Re-pricings", columns, rows)


def _rows(name: str, found: Mapping[tuple[str, str], Change]) -> list[dict[str, object]]:
    """Days in order, everything else by the size of the difference."""
    order = sorted(found, key=lambda key: (key[1], key[0]))
    if name != "day":
        order.sort(key=lambda key: abs(found[key].difference), reverse=True)
    return [{name: value, **_row(found[currency, value], currency=currency)} for currency, value in order]


def _row(change: Change, *, currency: str) -> dict[str, object]:
    return {
        "currency": currency,
        "before": change.before,
        "after": change.after,
        "difference": change.difference,
        "changed": change.changed,
        "unchanged": change.unchanged,
        "unpriceable": change.unpriceable,
    }
