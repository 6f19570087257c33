"""Points in time as options: RFC 3339, or a date for the first instant of that day in UTC."""

from __future__ import annotations

import re
from typing import Final

import click

from spanledger_api.times import format_rfc3339, parse_rfc3339

__all__ = ["INSTANT", "from_option", "require_order", "to_option"]

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class _Instant(click.ParamType[int]):
    """Nanoseconds since 1970 UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The instant, or a usage error."""
        text = str(value)
        try:
            return parse_rfc3339(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
        except ValueError as error:
            self.fail(f"{text!r} is {error}; or a date such as 2026-03-01", param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What stands for the value in the help."""
        del param, ctx
        return "TIME"


INSTANT: Final = _Instant()

from_option = click.option("--from", "start", type=INSTANT, required=True, help="First instant covered.")
to_option = click.option("--to", "end", type=INSTANT, required=True, help="First instant no longer covered.")


def require_order(start: int, end: int) -> None:
    """Refuse an empty stretch of time.

    Raises:
        click.BadParameter: It ends before it begins.
    """
    if start >= end:
        message = f"{format_rfc3339(end)} is not after --from {format_rfc3339(start)}"
        raise click.BadParameter(message, param_hint="--to")
