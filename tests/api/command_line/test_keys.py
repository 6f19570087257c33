"""``spanledger keys`` and the keys that `up` starts with, as an operator uses them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from click.testing import CliRunner

from spanledger import environment
from spanledger.exceptions import InvalidRequestError
from spanledger_api.access import Role
from spanledger_api.access.gate import Gate
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.keys import NewKey, issue_key
from spanledger_api.app import create_app
from spanledger_api.command_line.keys import command
from spanledger_api.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

_SPANLEDGER = [sys.executable, "-m", "spanledger_api"]


def _ask(*words: str, key: str = "") -> str:
    answer = CliRunner().invoke(command, list(words), env={environment.API_KEY: key}, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@pytest.fixture
def api(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """A running API, and a key of role admin to show it."""
    key, _ = issue_key(ledger, NewKey(name="admin", role=Role.ADMIN), "test")
    with Gate(KeyRing(ledger)) as gate, HttpServer(create_app(ledger, gate=gate), "127.0.0.1", 0) as server:
        yield server.url, key


def test_keys_through_a_running_api(api: tuple[str, str]) -> None:
    """Created, listed and revoked over the API by whoever shows a key of role admin; the key alone is on stdout."""
    url, admin = api
    key = _ask("create", "--api", url, "--role", "read", "--name", "board", "--user-id", "u", key=admin).strip()

    session = httpx.get(f"{url}/api/session", headers={"Authorization": f"Bearer {key}"}).json()
    listed = json.loads(_ask("list", "--api", url, "--json", key=admin))
    table = _ask("list", "--api", url, key=admin)
    revoked = json.loads(_ask("revoke", session["key_id"], "--api", url, "--json", key=admin))

    assert (session["name"], session["scope"]["user_id"]) == ("board", "u")
    assert [row["name"] for row in listed] == ["admin", "board"]
    assert "user_id u" in table
    assert key not in table
    assert revoked["revoked_at"]
    assert httpx.get(f"{url}/api/session", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    with pytest.raises(InvalidRequestError, match=environment.API_KEY):
        _ask("list", "--api", url)


@pytest.mark.parametrize("expires", ["soon", "0d", "-1d", "1y", "d"])
def test_a_lifetime_that_is_none(expires: str) -> None:
    """The message shows how times are written."""
    with pytest.raises(InvalidRequestError, match="12h, 90d or 52w"):
        _ask("create", "--role", "read", "--name", "x", "--expires", expires)


def test_up_makes_the_first_key(tmp_path: Path) -> None:
    """It comes out on stderr and nowhere else, everything needs it from the start, and the ledger knows it after."""
    dsn = f"chdb://{tmp_path}/ledger"
    ports = [word for name in ("otlp-http", "otlp-grpc", "api") for word in (f"--{name}-port", "0")]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SPANLEDGER_")}
    words = [*_SPANLEDGER, "up", "--dsn", dsn, "--create-admin-key", *ports]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = json.loads(line)["api"]
        assert httpx.get(f"{address}/api/session").status_code == 401
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]

    assert process.returncode == 0
    assert len(re.findall(r"sl_[A-Za-z0-9_-]{43}", said)) == 1
    assert "sl_" not in line
    asked = [*_SPANLEDGER, "keys", "list", "--dsn", dsn, "--json"]
    (made,) = json.loads(subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout)
    assert (made["name"], made["role"], made["created_by"]) == ("first administrator", "admin", "cli")
