"""``spanledger api`` as a process: it announces itself, answers, and ends cleanly."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from spanledger.exceptions import ConfigurationError
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer

if TYPE_CHECKING:
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

_COMMAND = "from spanledger_api.command_line import main; main()"
_MIGRATE = """
import sys
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
with open_ledger(sys.argv[1]) as ledger:
    migrate(ledger)
"""


def _get(address: str, path: str) -> tuple[int, object]:
    connection = HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_serves_a_ledger_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """On a free port it prints its address once it answers; SIGTERM ends it with 0 and lets go of the ledger."""
    dsn = f"chdb://{tmp_path}/ledger"
    subprocess.run([sys.executable, "-c", _MIGRATE, dsn], check=True)
    arguments = [sys.executable, "-c", _COMMAND, "api", "--dsn", dsn, "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            assert ready["ready"] is True
            assert _get(ready["api"], "/readyz") == (200, {"status": "ready"})
            assert _get(ready["api"], "/api/analytics/cost/users") == (200, [])
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert process.stdout.read() == ""
    subprocess.run([sys.executable, "-c", _MIGRATE, dsn], check=True)


def test_a_port_in_use_is_named(migrated_ledger: Ledger) -> None:
    """The message says which address cannot be listened on and what to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port} cannot be listened on"):
            HttpServer(create_app(migrated_ledger), "127.0.0.1", port)
