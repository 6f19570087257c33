"""The shell blocks of a page, run one after the other in a directory of their own."""

from __future__ import annotations

import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

from spanledger import environment
from tests.clickhouse.repricing.conftest import NEW_PRICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.documentation.shell_blocks import ShellBlock

__all__ = ["PageRun", "start_page"]

_FUNCTIONS = Path(__file__).with_name("page_functions.sh")
_SECONDS = 120
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_STANDS_FOR: Final = {
    "0d6f4c1e-6f0b-5d0c-9c2c-5f6a3c1d2e4b": "$(raised_alert)",
    "sl_…": "$(grep -Eo 'sl_[A-Za-z0-9_-]+' printed | head -n 1)",
    "c8682b6583130811": "$(grep -Eo '[0-9a-f]{16}' printed | tail -n 1)",
    " BATCH": f" $(grep -Eo '{_UUID}' printed | tail -n 1)",
}
"""What a reader puts in the place of what a page only shows the form of."""

_PORTS: Final = {
    "4318": environment.OTLP_HTTP_PORT,
    "4317": environment.OTLP_GRPC_PORT,
    "8000": environment.API_PORT,
    "8123": environment.CLICKHOUSE_PORT,
}
_FOLDERS: Final = ("/run/secrets", "/var/lib/spanledger", "/backup", "/etc/grafana")

_FILES: Final = {
    "app.py": "import spanledger\n"
    "spanledger.record_cost(service='licences', operation='font', quantity=1, unit='fonts', total_cost='0.01')\n",
    "package/__init__.py": "",
    "package/module.py": "import app\n",
    "bin/gunicorn": "#!/usr/bin/env python\nimport sys\nassert sys.argv[1] == 'app:application'\nimport app\n",
    "prices.toml": NEW_PRICES,
    "costs.csv": "start_time_iso,amount_value,amount_currency\n2026-11-02,0.08,usd\n",
    "bill.csv": "Day,Total,Product,Cur\n2026-11-02,0.08,Chat API,USD\n",
    ".env": "SPANLEDGER_INGEST_KEY=0123\n",
}


@dataclass(frozen=True)
class PageRun:
    """Commands on their way.

    Attributes:
        process: The shell that runs them.
        directory: Where.
        blocks: What it runs.
    """

    process: subprocess.Popen[bytes]
    directory: Path
    blocks: tuple[ShellBlock, ...]

    def complaint(self) -> str:
        """Wait for the end; what was said where a command failed, else empty."""
        status = self.process.wait(_SECONDS)
        return f"exit {status}\n{self.complaints()}" if status else ""

    def complaints(self) -> str:
        """What the commands have said on stderr, with the name of each block before it begins."""
        return (self.directory / "complaints").read_text()

    def printed(self) -> str:
        """What the commands have printed."""
        return (self.directory / "printed").read_text()


def start_page(blocks: Iterable[ShellBlock], ledger: Path, directory: Path, variables: Mapping[str, str]) -> PageRun:
    """Start a shell on the blocks of one page.

    Args:
        blocks: Those of the page, in order.
        ledger: An embedded ledger, of which the commands get a copy.
        directory: An empty one, which becomes theirs.
        variables: Further variables of the environment.
    """
    blocks = tuple(blocks)
    ports = _free_ports()
    shutil.copytree(ledger, directory / "spanledger-data", symlinks=True)
    _lay_out(directory, ledger, variables["SLACK"])
    text = _FUNCTIONS.read_text() + "".join(f"echo {quote(block.name)} >&2\n{block.commands}" for block in blocks)
    for shown, real in {**_STANDS_FOR, **ports, **{folder: f"{directory}{folder}" for folder in _FOLDERS}}.items():
        text = text.replace(shown, real)
    (directory / "page.sh").write_text(text)
    reader, answers = pty.openpty()  # some commands ask, and only a terminal
    os.write(reader, b"y\n" * 9)
    with (directory / "printed").open("wb") as printed, (directory / "complaints").open("wb") as complaints:
        process = subprocess.Popen(
            ["/usr/bin/env", "bash", "-euo", "pipefail", "page.sh"],
            cwd=directory,
            env={**_environment(directory, ports), **variables},
            stdin=answers,
            stdout=printed,
            stderr=complaints,
        )
    os.close(answers)
    return PageRun(process, directory, blocks)


def _environment(directory: Path, ports: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLEDGER_", "OTEL_"))}
    return kept | {
        "HOME": str(directory),
        "PATH": f"{directory / 'bin'}:{Path(sys.executable).parent}:{kept['PATH']}",
        "PYTHONPATH": str(directory),
        environment.SPOOL_DIR: str(directory / "spool"),
        **{variable: ports[shown] for shown, variable in _PORTS.items()},
    }


def _free_ports() -> dict[str, str]:
    """A free port for each that the pages name; a command that is told one cannot say which it took."""
    taken = {shown: socket.create_server(("127.0.0.1", 0)) for shown in _PORTS}
    ports = {shown: str(server.getsockname()[1]) for shown, server in taken.items()}
    for server in taken.values():
        server.close()
    return ports


def _lay_out(directory: Path, ledger: Path, slack: str) -> None:
    """The files that the pages speak of as the reader's."""
    for folder in _FOLDERS:
        (directory / folder.strip("/")).mkdir(parents=True)
    shutil.copytree(ledger, directory / "var/lib/spanledger", symlinks=True, dirs_exist_ok=True)
    now = time.time_ns()
    dear_call = {"resourceSpans": [{"scopeSpans": [{"spans": [_dear_call(now)]}]}]}
    row = {"Timestamp": f"{now // 10**9}", "TraceId": "ab" * 16, "SpanId": "ab" * 8, "SpanName": "call"}
    files = _FILES | {
        "run/secrets/slack": slack,
        "dear_call.json": json.dumps(dear_call),
        "spans.jsonl": json.dumps(row) + "\n",
    }
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content)
    (directory / "bin/gunicorn").chmod(0o755)
    (directory / "grafana").symlink_to(Path(__file__).parents[2] / "grafana")


def _dear_call(now: int) -> dict[str, object]:
    attributes = {"cost.service": "openai", "cost.operation": "gpt-4_a_b", "cost.total_cost": "2.5"}
    return {
        "traceId": "cd" * 16,
        "spanId": "cd" * 8,
        "name": "call",
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }
