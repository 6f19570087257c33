"""``spanledger query`` reads and nothing else, from the directory or over the ClickHouse port."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spanledger.exceptions import ConfigurationError, InvalidRequestError, LedgerUnavailableError
from spanledger_api.command_line.query import command
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.http_interface import ClickHouseInterface, LoopbackAccess
from tests.clickhouse.repricing.conftest import arrive, chat, transcription

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from spanledger_clickhouse.ledger import Ledger

_ALL = "SELECT service, total_cost FROM cost_records ORDER BY service"


@pytest.fixture
def port(ledger: Ledger) -> Iterator[str]:
    """Address of the ClickHouse port over a ledger with two records."""
    arrive(ledger, 1, chat())
    arrive(ledger, 2, transcription())
    with HttpServer(ClickHouseInterface(ledger, LoopbackAccess()), "127.0.0.1", 0) as server:
        yield server.url


def _query(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_every_format(port: str, tmp_path: Path) -> None:
    """Table, JSON, JSON lines, CSV and TSV say the same, amounts exact; Parquet goes to a file."""
    assert "0.009" in _query(_ALL, "--url", port).stdout
    rows = [{"service": "openai", "total_cost": 0.06}, {"service": "whisper", "total_cost": 0.009}]
    assert json.loads(_query(_ALL, "--url", port, "--json").stdout) == rows
    lines = _query(_ALL, "--url", port, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert _query(_ALL, "--url", port, "--csv").stdout == '"service","total_cost"\n"openai",0.06\n"whisper",0.009\n'
    assert _query(_ALL, "--url", port, "--format", "tsv").stdout.splitlines()[1] == "openai\t0.06"
    assert json.loads(_query("SELECT 1 WHERE 0", "--url", port, "--json").stdout) == []

    target = tmp_path / "out.parquet"
    assert _query(_ALL, "--url", port, "--format", "parquet", "--output", str(target)).exit_code == 0
    assert target.read_bytes()[:4] == b"PAR1"


def test_parameters_are_bound(port: str) -> None:
    """A value goes in as it is, whatever is in it; what is no name=value is wrong usage."""
    sql = "SELECT {text:String} AS said, total_cost FROM cost_records WHERE service = {service:String}"

    found = _query(sql, "--url", port, "--param", "service=openai", "--param", "text=it's = 1", "--json")

    assert json.loads(found.stdout) == [{"said": "it's = 1", "total_cost": 0.06}]
    assert _query(sql, "--url", port, "--param", "openai").exit_code == 2


@pytest.mark.parametrize("sql", ["DROP TABLE cost_records", "SELECT * FROM file('/etc/passwd')", "SELECT nonsense"])
def test_refusals_are_errors(port: str, sql: str) -> None:
    """What writes, reads files or is wrong ends with the engine's message and nothing on stdout."""
    refused = _query(sql, "--url", port)

    assert isinstance(refused.exception, InvalidRequestError)
    assert "DB::Exception" in str(refused.exception)
    assert refused.stdout == ""


def test_nothing_there_says_the_next_step() -> None:
    """A silent address, and one that is none, are named."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        silent = unused.getsockname()[1]
    assert isinstance(_query("SELECT 1", "--url", f"http://127.0.0.1:{silent}").exception, LedgerUnavailableError)
    assert isinstance(_query("SELECT 1", "--url", "file:///etc/passwd").exception, ConfigurationError)


_HELD = """
import subprocess, sys
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from tests.clickhouse.repricing.conftest import arrive, chat
query = [sys.executable, "-m", "spanledger_api", "query", "--dsn", sys.argv[1]]
with open_ledger(sys.argv[1]) as ledger:
    migrate(ledger)
    arrive(ledger, 1, chat())
    subprocess.run([*query, "SELECT 1"])
subprocess.run([*query, "--json", "SELECT total_cost FROM cost_records"])
subprocess.run([*query, "SELECT * FROM '/etc/passwd'"])
"""


def test_a_directory_is_read_behind_the_screen(tmp_path: Path) -> None:
    """A free ledger answers, one that is held points at the port, and files of the machine stay closed."""
    dsn = f"chdb://{tmp_path}/ledger"

    told = subprocess.run([sys.executable, "-c", _HELD, dsn], check=False, capture_output=True, text=True)

    assert json.loads(told.stdout) == [{"total_cost": 0.06}], told.stderr
    assert "--url http://127.0.0.1:8123" in told.stderr
    assert "root:" not in told.stdout + told.stderr
    assert "Traceback" not in told.stderr
