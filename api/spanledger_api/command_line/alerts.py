"""``spanledger alerts``: what was noticed, the rules behind it, and the channels it is sent to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import click

from spanledger import environment
from spanledger_api.command_line.api_client import get, send
from spanledger_api.command_line.output import print_json, print_table
from spanledger_api.times import format_rfc3339, nanoseconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["command"]

_LISTED = ("detected_at", "severity", "status", "message", "alert_id", "notices")
_PREVIEWED = ("occurred_at", "severity", "kind", "rule_id", "message")
_RULES = ("rule_id", "origin", "enabled", "kind", "severity", "threshold", "name")

_json_option = click.option("--json", "as_json", is_flag=True, help="Print the API's JSON as it is.")


@click.group("alerts")
@click.option(
    "--api", envvar=environment.API_URL, default="http://127.0.0.1:8000", show_default=True, help="Address of the API."
)
@click.option("--key", help=f"Key to show the API; {environment.API_KEY} holds it where absent.")
@click.pass_context
def command(context: click.Context, api: str, key: str | None) -> None:
    """Show, try, acknowledge and mute alerts through the running API."""
    context.obj = (api.rstrip("/"), key)


def _api() -> tuple[str, str | None]:
    return cast("tuple[str, str | None]", click.get_current_context().obj)


@command.command("list")
@click.option("--status", type=click.Choice(["open", "acknowledged", "resolved"]), help="Those in this state only.")
@click.option("--kind", help="operation, budget, forecast, anomaly, price_book or unpriced.")
@click.option("--severity", type=click.Choice(["info", "warning", "critical"]), help="Those that matter so much only.")
@click.option("--rule", help="Those of this rule or budget only.")
@click.option("--from", "start", help="Noticed at this time or later, RFC 3339.")
@click.option("--to", "end", help="Noticed before this time, RFC 3339.")
@click.option("--limit", type=int, default=50, show_default=True, help="How many at most, the newest first.")
@_json_option
def list_alerts(  # noqa: PLR0913 - click hands every option over as an argument
    *,
    status: str | None,
    kind: str | None,
    severity: str | None,
    rule: str | None,
    start: str | None,
    end: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print alerts, the newest first."""
    base, key = _api()
    asked = {"status": status, "kind": kind, "severity": severity, "ruleId": rule, "from": start, "to": end}
    answer = get(base, "/api/alerts", {**asked, "limit": str(limit)}, key=key)
    if as_json:
        click.echo(answer.text)
        return
    _print("Alerts", _LISTED, [{**row, "notices": _notices(row)} for row in answer.rows()])
    if "Link" in answer.headers:
        click.echo("There are more: --limit shows more at once.", err=True)


def _notices(row: Mapping[str, object]) -> str:
    deliveries = cast("list[dict[str, object]]", row["deliveries"])
    return ", ".join(f"{each['channel']} {each['status']}" for each in deliveries) or "-"


@command.command("preview")
@click.option("--days", type=int, default=30, show_default=True, help="How many days to look back, today included.")
@_json_option
def preview(*, days: int, as_json: bool) -> None:
    """Print what the present rules and budgets would have raised; nothing is sent."""
    base, key = _api()
    answer = get(base, "/api/alerts/preview", {"days": str(days)}, key=key)
    if as_json:
        click.echo(answer.text)
        return
    rows = answer.rows()
    _print("Would have been raised", _PREVIEWED, rows)
    click.echo(f"{len(rows)} alerts in {days} days.", err=True)


@command.command("rules")
@_json_option
def rules(*, as_json: bool) -> None:
    """Print the rules; budgets are in `spanledger report budget`."""
    base, key = _api()
    answer = get(base, "/api/alerts/rules", {}, key=key)
    if as_json:
        click.echo(answer.text)
        return
    _print("Rules", _RULES, answer.rows())


@command.command("test")
@click.option("--channel", help="This channel only.")
@_json_option
def test(*, channel: str | None, as_json: bool) -> None:
    """Send a test through every channel; exits with 1 if one did not take it."""
    base, key = _api()
    rows = send("POST", base, "/api/alerts/test", body={"channel": channel}, key=key).rows()
    if as_json:
        print_json(rows)
    else:
        _print("Channels", ("channel", "status", "error"), rows)
    if any(row["status"] != "sent" for row in rows):
        click.get_current_context().exit(1)


@command.command("ack")
@click.argument("alert_ids", nargs=-1, required=True)
def acknowledge(*, alert_ids: tuple[str, ...]) -> None:
    """Say that these alerts have been seen."""
    base, key = _api()
    for alert_id in alert_ids:
        row = send("POST", base, f"/api/alerts/{quote(alert_id, safe='')}/acknowledge", key=key).document()
        click.echo(f"{alert_id} was acknowledged by {row['acknowledged_by']}.", err=True)


@command.command("mute")
@click.option("--rule", help="Alerts of this rule or budget only.")
@click.option("--service", help="Alerts about this service only.")
@click.option("--user-id", help="Alerts about this user only.")
@click.option(
    "--hours", type=click.FloatRange(0, 8760, min_open=True), default=24.0, show_default=True, help="How long."
)
@click.option("--reason", default="", help="Why, for people.")
@_json_option
def mute(  # noqa: PLR0913 - click hands every option over as an argument
    *, rule: str | None, service: str | None, user_id: str | None, hours: float, reason: str, as_json: bool
) -> None:
    """Send no notices of some alerts for a while; they are still listed."""
    base, key = _api()
    until = format_rfc3339(nanoseconds_of(datetime.now(UTC) + timedelta(hours=hours)))
    stated = {"rule_id": rule, "service": service, "user_id": user_id, "until": until, "reason": reason}
    made = send("POST", base, "/api/alerts/mutes", body=stated, key=key).document()
    if as_json:
        print_json(made)
        return
    click.echo(f"Mute {made['mute_id']} holds until {made['until']}.", err=True)


def _print(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        click.echo(f"{title}: none.", err=True)
        return
    print_table(title, columns, rows)
