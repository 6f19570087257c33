"""``spanledger top``: what is being spent, live in the terminal."""

from __future__ import annotations

import sys
import time
from contextlib import suppress

import click

from spanledger import environment
from spanledger.exceptions import InvalidRequestError
from spanledger_api.command_line.api_client import get
from spanledger_api.command_line.output import print_json
from spanledger_api.command_line.top_frame import Frame

__all__ = ["command"]

_ROWS = 8


@click.command("top")
@click.option(
    "--api", envvar=environment.API_URL, default="http://127.0.0.1:8000", show_default=True, help="Address of the API."
)
@click.option("--timezone", help="IANA time zone whose day is shown; UTC where not given.")
@click.option(
    "--interval", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, help="Seconds between looks."
)
@click.option("--once", is_flag=True, help="Look once and print it; so it is without a terminal, too.")
@click.option("--json", "as_json", is_flag=True, help="Look once and print JSON.")
def command(*, api: str, timezone: str | None, interval: float, once: bool, as_json: bool) -> None:
    """Watch what today costs: services, users, executions and open alerts, until Ctrl-C."""
    base = api.rstrip("/")
    if as_json:
        frame = _look(base, timezone)
        lists = {name: getattr(frame, name) for name in ("services", "users", "executions", "alerts")}
        print_json({"spent": frame.spent, "health": frame.health, "forecast": frame.forecast, **lists})
        return

    from rich.console import Console  # noqa: PLC0415 - rich is only there with the server extra
    from rich.live import Live  # noqa: PLC0415

    from spanledger_api.command_line.top_screen import drawn  # noqa: PLC0415

    if once or not sys.stdout.isatty():
        Console(width=None if sys.stdout.isatty() else 120).print(drawn(_look(base, timezone)))
        return
    with suppress(KeyboardInterrupt), Live(drawn(_look(base, timezone)), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(interval)
            live.update(drawn(_look(base, timezone)), refresh=True)


def _look(base: str, timezone: str | None) -> Frame:
    day = {"period": "daily", "timezone": timezone}
    forecast = get(base, "/api/analytics/cost/forecast", {"timezone": timezone}).rows()
    return Frame(
        services=get(base, "/api/analytics/cost/services", day).rows(),
        users=get(base, "/api/analytics/cost/users", {**day, "topN": str(_ROWS)}).rows(),
        executions=get(base, "/api/executions", {**day, "limit": str(_ROWS)}).rows(),
        alerts=_open_alerts(base),
        health=get(base, "/api/health/data", day).document(),
        forecast=forecast[0] if forecast else {},
    )


def _open_alerts(base: str) -> list[dict[str, object]]:
    """The newest open alerts; none where a key may not see them."""
    with suppress(InvalidRequestError):
        return get(base, "/api/alerts", {"status": "open", "limit": str(_ROWS)}).rows()
    return []
