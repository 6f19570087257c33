"""The users of ClickHouse: each may do what its service does, and its password is nowhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.deployment.files import ROOT, services

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_FILE = ET.parse(ROOT / "clickhouse/server/users.d/spanledger.xml").getroot()  # noqa: S314 - the file is our own
_USERS = {user.tag: user for user in _FILE.find("users") or [] if user.get("remove") is None}
_VIEWS = {"cost_records", "performance_records", "task_executions"}


def _granted(user: str, right: str) -> set[str]:
    queries = [query.text or "" for query in _USERS[user].iter("query")]
    return {found[1] for text in queries if (found := re.fullmatch(rf"GRANT {right} ON spanledger\.(\w+)", text))}


def test_nobody_comes_without_a_password() -> None:
    """The user that needs none is gone, and every other one has its password from the server's environment."""
    assert 'default remove="remove"' in ET.tostring(_FILE, encoding="unicode")
    variables = services()["clickhouse"]["environment"]
    assert set(_USERS) == {"spanledger", "otelcol", "reader"}
    for user in _USERS.values():
        password = user.find("password")
        assert password is not None
        assert password.get("from_env") in variables
        assert not (password.text or "").strip()


@pytest.mark.parametrize("name", ["otelcol", "reader"])
def test_a_service_comes_as_its_own_user(name: str) -> None:
    """The collector and Grafana are told the users that were made for them, and no other."""
    told = {
        service: [value for variable, value in each.get("environment", {}).items() if variable.endswith("_USER")]
        for service, each in services().items()
    }
    assert {service for service, users in told.items() if name in users} == {
        {"otelcol": "otel-collector", "reader": "grafana"}[name]
    }


def test_the_collector_can_only_insert() -> None:
    """Its one right is to put spans where the exporter writes them."""
    queries = [query.text for query in _USERS["otelcol"].iter("query")]
    assert queries == ["GRANT INSERT ON spanledger.otel_traces"]


def test_the_reader_reads_the_three_tables(ledger: Ledger) -> None:
    """It may select from the views and from what they read, as a server demands, and from nothing else."""
    needed = set(_VIEWS)
    for view in ledger.query("SELECT name, as_select FROM system.tables WHERE engine = 'View'"):
        if view["name"] in _VIEWS:
            needed |= set(re.findall(r"(?:FROM|JOIN)\s+(?:\w+\.)?(\w+_local)", str(view["as_select"])))
    assert _granted("reader", "SELECT") == needed
    assert len(list(_USERS["reader"].iter("query"))) == len(needed)
    profile = _FILE.find("profiles/ledger_reader/readonly")
    assert profile is not None
    assert profile.text == "2"
