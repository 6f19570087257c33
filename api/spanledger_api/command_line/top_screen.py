"""How ``spanledger top`` looks."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from spanledger.values import decimal_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spanledger_api.command_line.top_frame import Frame

__all__ = ["drawn"]

_COSTS: Final = frozenset({"total_cost"})
_NUMBERS: Final = _COSTS | {"operations_count"}
_CENT: Final = Decimal("0.01")
_SMALL: Final = Decimal("0.0001")
_STYLES: Final = {"running": "cyan", "failed": "red", "critical": "red", "warning": "yellow"}


def drawn(frame: Frame) -> Group:
    """A headline and a table for each list; alerts only where there are some."""
    parts: list[Text | Table] = [
        _headline(frame),
        _table("Services today", ("service", "operations_count", "total_cost"), frame.services),
        _table("Users today", ("user_id", "operations_count", "total_cost"), frame.users),
        _table("Newest executions", ("started_at", "task_type", "user_id", "status", "total_cost"), frame.executions),
    ]
    if frame.alerts:
        parts.append(_table("Open alerts", ("occurred_at", "severity", "message"), frame.alerts))
    return Group(*parts)


def _headline(frame: Frame) -> Text:
    lag, month = frame.health.get("lag"), frame.forecast.get("forecast")
    said = [
        f"[bold]{_usd(frame.spent)}[/] today",
        "" if month is None else f"{_usd(month)} expected this month",
        "no record yet" if lag is None else f"newest record {Decimal(str(lag)) / 1000:.0f} s ago",
        f"[red]{len(frame.alerts)} open alerts[/]" if frame.alerts else "no open alert",
    ]
    return Text.from_markup(" · ".join(part for part in said if part))


def _table(title: str, columns: tuple[str, ...], rows: Iterable[Mapping[str, object]]) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", header_style="dim")
    for row in rows:
        table.add_row(*(_cell(name, row.get(name)) for name in columns))
    return table


def _cell(name: str, value: object) -> str:
    if value is None:
        return "-"
    if name in _COSTS:
        return _usd(value)
    text = str(value)
    if name.endswith("_at"):
        return text[:19].replace("T", " ")
    style = _STYLES.get(text)
    return f"[{style}]{text}[/]" if style else escape(text)


def _usd(value: object) -> str:
    """An amount for reading: cents, or a few more digits where it is smaller than that."""
    amount = Decimal(str(value))
    if amount >= _CENT or not amount:
        return f"${amount:,.2f}"
    return f"${decimal_text(amount.quantize(_SMALL))}" if amount >= _SMALL else "<$0.0001"
