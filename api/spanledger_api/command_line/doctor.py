"""``spanledger doctor``: what is wrong with a ledger's directory, and what to do about it."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spanledger.exceptions import ConfigurationError, LedgerUnavailableError
from spanledger_api.command_line.options import dsn_option
from spanledger_api.command_line.output import print_json, print_table

if TYPE_CHECKING:
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
    """Check a ledger's directory: requests set aside, segments that wait, room on the disk.

    Exits with 1 if something needs attention. A running process may hold the ledger meanwhile.
    """
    from spanledger_collector.quarantine import Quarantine  # noqa: PLC0415 - only with the server extra

    base = directory or _embedded_directory(dsn)
    quarantine = Quarantine(base / "quarantine")
    if redrive:
        _redrive(quarantine, collector)
    entries = quarantine.entries()
    waiting = sorted((base / "segments").glob("*.segment"))
    free = shutil.disk_usage(base).free
    findings: dict[str, object] = {
        "directory": str(base),
        "quarantined": [{"path": str(entry.path), "reason": entry.reason} for entry in entries],
        "segments_waiting": len(waiting),
        "segment_bytes": sum(path.stat().st_size for path in waiting),
        "free_disk_bytes": free,
    }
    if as_json:
        print_json(findings)
    else:
        _print(findings, entries)
    if entries or free < _LOW_DISK_BYTES:
        click.get_current_context().exit(1)


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


def _print(findings: dict[str, object], entries: list[QuarantinedRequest]) -> None:
    rows = [{"finding": name, "value": value} for name, value in findings.items() if name != "quarantined"]
    print_table("Ledger", ["finding", "value"], [*rows, {"finding": "quarantined", "value": len(entries)}])
    if entries:
        shown = [{"request": entry.path.name, "reason": entry.reason} for entry in entries]
        print_table("Set aside", ["request", "reason"], shown)
        click.echo("Upgrade or mend what they need, then `spanledger doctor --redrive`.", err=True)
