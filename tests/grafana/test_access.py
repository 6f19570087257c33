"""Grafana's key opens what its boards read, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # no stubs are installed

from spanledger import environment
from spanledger_api.access.gate import open_gate
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from tests.grafana.files import GRAFANA, panels, rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger

_KEY: Final = "a-key-of-at-least-thirty-two-characters"
_BEARER: Final = {"Authorization": f"Bearer {_KEY}"}


@pytest.fixture
def closed(ledger: Ledger) -> Iterator[httpx.Client]:
    """The API with a key of role read in its environment, as docker-compose.yml sets it up."""
    with (
        open_gate(ledger, {environment.READ_KEY: _KEY}) as gate,
        HttpServer(create_app(ledger, gate=gate), "127.0.0.1", 0) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        yield client


def test_the_key_opens_every_report_of_the_boards(closed: httpx.Client) -> None:
    """Each path that a panel or a rule asks refuses whoever shows no key, and answers who shows this one."""
    asked = [panel.target for panel in panels("api/")] + [rule["data"][0]["model"] for rule in rules()]
    paths = sorted({target["url"] for target in asked})
    assert len(paths) > 10
    for path in paths:
        stated = {"taskType": "*"} if path.endswith("bottleneck") else {}
        assert closed.get(path, params=stated).status_code == 401, path
        assert closed.get(path, params=stated, headers=_BEARER).status_code == 200, path


def test_the_health_check_of_the_source_tells_a_wrong_key(closed: httpx.Client) -> None:
    """The path that the data source's health check asks answers with 200 to the key, and to no other."""
    read = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "spanledger.yaml").read_text())
    source = read["datasources"][0]
    path = source["jsonData"]["customHealthCheckUrl"].removeprefix(source["url"])
    assert closed.get(path, headers=_BEARER).status_code == 200
    assert closed.get(path, headers={"Authorization": f"Bearer {_KEY}?"}).status_code == 401


def test_the_key_changes_nothing(closed: httpx.Client) -> None:
    """Keys, which only administrators make, are not to be had with it."""
    assert closed.get("/api/keys", headers=_BEARER).status_code == 403
    assert closed.post("/api/keys", headers=_BEARER, json={"role": "admin", "name": "x"}).status_code == 403
