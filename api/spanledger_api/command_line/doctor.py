"""``spanledger doctor``: what is wrong with a ledger and its directory, and what to do about it."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from spanledger.exceptions import ConfigurationError, LedgerUnavailableError
from spanledger_api.command_line.options import dsn_option
from spanledger_api.command_line.output import print_json, print_table

if TYPE_CHECKING:
    from spanledger_api.integrity import Check
    from spanledger_collector.quarantine import Quarantine, QuarantinedRequest

__all__ = ["command"]

_LOW_DISK_BYTES = 1024**3


@click.command("doctor")
@dsn_option
@click.option(
    "--directory", type=click.Path(file_okay=False, path_type=Path), help="A collector's own directory, for a server."
)
@click.option("--redrive", is_flag=True, help="Send what was set aside to the collector again.")
@click.option("--collector", default="http://127.0.0.1:4318", show_default=True, help="The collector for --redrive.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(dsn: str, directory: Path | None, collector: str, *, redrive: bool, as_json: bool) -> None:
    """Check a ledger: its directory, and whether its data can be trusted.

    Requests set aside, segments that wait and room on the disk; then schema, lag, gaps, losses, what has no price,
    re-pricings that were interrupted (which are finished) and sums against records. Exits with 1 if something failed.
    While another process holds the ledger, only the directory is looked at.
    """
    from spanledger_clickhouse.dsn import parse_dsn  # noqa: PLC0415 - only with the server extra
    from spanledger_collector.quarantine import Quarantine  # noqa: PLC0415

    base = directory if directory or not parse_dsn(dsn).embedded else _embedded_directory(dsn)
    findings: dict[str, object] = {}
    checks: list[Check] = []
    entries: list[QuarantinedRequest] = []
    if base is not None:
        quarantine = Quarantine(base / "quarantine")
        if redrive:
            _redrive(quarantine, collector)
        entries = quarantine.entries()
        findings = _directory_findings(base, entries)
        checks = _directory_checks(findings, entries)
    elif redrive:
        message = "A ledger on a server has no directory here; name the collector's with --directory."
        raise ConfigurationError(message)
    checks += _ledger_checks(dsn)
    if as_json:
        print_json({**findings, "checks": [asdict(check) for check in checks]})
    else:
        print_table("Ledger", ["check", "state", "finding", "next step"], [_shown(check) for check in checks])
        _print_entries(entries)
    if any(check.state == "fail" for check in checks):
        click.get_current_context().exit(1)


def _directory_findings(base: Path, entries: list[QuarantinedRequest]) -> dict[str, object]:
    waiting = sorted((base / "segments").glob("*.segment"))
    return {
        "directory": str(base),
        "quarantined": [{"path": str(entry.path), "reason": entry.reason} for entry in entries],
        "segments_waiting": len(waiting),
        "segment_bytes": sum(path.stat().st_size for path in waiting),
        "free_disk_bytes": shutil.disk_usage(base).free,
    }


def _directory_checks(findings: dict[str, object], entries: list[QuarantinedRequest]) -> list[Check]:
    from spanledger_api.integrity import Check, State  # noqa: PLC0415 - the engine is slow to load

    free = cast("int", findings["free_disk_bytes"])
    low = free < _LOW_DISK_BYTES
    return [
        Check("directory", State.OK, str(findings["directory"])),
        Check(
            "quarantine",
            State.FAIL if entries else State.OK,
            f"{len(entries)} requests set aside",
            "upgrade or mend what they need, then spanledger doctor --redrive" if entries else "",
        ),
        Check(
            "segments", State.OK, f"{findings['segments_waiting']} wait, of {findings['segment_bytes']} bytes together"
        ),
        Check("disk", State.FAIL if low else State.OK, f"{free} bytes free", "make room" if low else ""),
    ]


def _ledger_checks(dsn: str) -> list[Check]:
    """What is in the ledger; only why not, where it cannot be opened now or is not there yet."""
    from spanledger_api.integrity import Check, State, check_ledger  # noqa: PLC0415 - the engine is slow to load
    from spanledger_clickhouse.dsn import parse_dsn  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415

    path = parse_dsn(dsn).path
    if path is not None and not (path / "store").is_dir():
        return [Check("ledger", State.WARN, "nothing is in it yet", "spanledger up")]
    try:
        with open_ledger(dsn) as ledger:
            return check_ledger(ledger, datetime.now(UTC))
    except LedgerUnavailableError as error:
        if path is None:
            raise
        return [Check("ledger", State.WARN, str(error), "GET /api/health/data of that process, or stop it first")]


def _shown(check: Check) -> dict[str, object]:
    return {"check": check.name, "state": check.state, "finding": check.finding, "next step": check.next_step or None}


def _embedded_directory(dsn: str) -> Path:
    from spanledger_clickhouse.dsn import parse_dsn  # noqa: PLC0415 - only with the server extra

    path = parse_dsn(dsn).path
    if path is None:
        message = "A ledger on a server has no directory here; name the collector's with --directory."
        raise ConfigurationError(message)
    if not path.is_dir():
        message = f"There is no ledger in {path}; name another one with --dsn."
        raise ConfigurationError(message)
    return path


def _redrive(quarantine: Quarantine, collector: str) -> None:
    """Send every request again and forget those that were acknowledged; the collector sets bad ones aside anew."""
    for entry in quarantine.entries():
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's own
            f"{collector.rstrip('/')}/v1/traces",
            data=entry.path.read_bytes(),
            headers={"Content-Type": "application/x-protobuf"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30):  # noqa: S310
                quarantine.remove(entry)
        except urllib.error.HTTPError as refusal:
            click.echo(f"{entry.path.name} was refused with {refusal.code}; it stays set aside.", err=True)
        except OSError as error:
            message = f"The collector at {collector} does not answer ({error}); start it or name it with --collector."
            raise LedgerUnavailableError(message) from error


def _print_entries(entries: list[QuarantinedRequest]) -> None:
    if entries:
        shown = [{"request": entry.path.name, "reason": entry.reason} for entry in entries]
        print_table("Set aside", ["request", "reason"], shown)
