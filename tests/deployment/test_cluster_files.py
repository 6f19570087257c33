"""The files of a cluster: well formed, of one mind with each other and with the program."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from spanledger_clickhouse.cluster import CLUSTER_SETTINGS, Cluster
from spanledger_clickhouse.migrations import known_migrations
from tests.deployment.files import SERVER, configs, services

if TYPE_CHECKING:
    from pathlib import Path


def _tree(name: str) -> ET.Element:
    return ET.parse(SERVER / name).getroot()  # noqa: S314 - the project's own file


@pytest.mark.parametrize("path", sorted(SERVER.rglob("*.xml")), ids=lambda path: "/".join(path.parts[-2:]))
def test_server_files_are_well_formed(path: Path) -> None:
    """Each is XML that the server takes."""
    assert ET.parse(path).getroot().tag == "clickhouse"  # noqa: S314 - the project's own file


def test_every_node_is_in_the_cluster_once() -> None:
    """Names and shards of the services are those of the configuration; two replicas a shard, three Keepers."""
    shards = [
        [str(replica.findtext("host")) for replica in shard.findall("replica")]
        for shard in _tree("config.d/ledger.xml").findall("remote_servers/ledger/shard")
    ]
    nodes = {
        str(service["environment"]["CLICKHOUSE_NODE"]): (name, service["environment"]["CLICKHOUSE_SHARD"])
        for name, service in services().items()
        if "CLICKHOUSE_NODE" in service.get("environment", {})
    }
    keepers = {host.text for host in _tree("config.d/ledger.xml").findall("zookeeper/node/host")}

    assert nodes == {host: (host, str(number)) for number, hosts in enumerate(shards, start=1) for host in hosts}
    assert [len(hosts) for hosts in shards] == [2, 2]
    assert keepers == {host.text for host in _tree("keeper/keeper.xml").iter("hostname")} <= set(services())
    assert len(keepers) == 3


def test_every_keeper_has_its_number() -> None:
    """Of those in the list of Keepers each service is one, and its port of health is the one that is asked."""
    keeper = _tree("keeper/keeper.xml")
    listed = {str(each.findtext("hostname")): each.findtext("id") for each in keeper.iter("server")}
    running = {name: service for name, service in services().items() if "KEEPER_ID" in service.get("environment", {})}
    port = keeper.findtext("keeper_server/http_control/port")

    assert {name: service["environment"]["KEEPER_ID"] for name, service in running.items()} == listed
    for service in running.values():
        assert service["healthcheck"]["test"][-1] == f"http://127.0.0.1:{port}/ready"


def test_what_replaces_comes_after_what_it_replaces() -> None:
    """Files are merged by the order of their names: the rights on a cluster come after the users they are of."""
    names = [target for target in configs(services()["clickhouse"], {}) if "/users.d/" in target]

    assert [name.rpartition("/")[2] for name in sorted(names)] == ["spanledger.xml", "topology.xml"]


def test_other_clients_have_the_settings_that_make_tables_exact() -> None:
    """The owner's profile has every setting that the program sends on a cluster; readers have those of readings."""
    users = _tree("users.d/ledger.xml")

    assert {setting.tag: setting.text for setting in users.find("profiles/default") or ()} == CLUSTER_SETTINGS
    assert {setting.tag: setting.text for setting in users.find("profiles/ledger_reader") or ()} == {
        name: value for name, value in CLUSTER_SETTINGS.items() if "insert" not in name
    }


def test_rights_name_tables_that_exist() -> None:
    """Whatever may be read or written by name is a table or view of the migrations on a cluster."""
    statements = [statement for migration in known_migrations() for statement in migration.statements]
    tables = Cluster.of("ledger", "spanledger", statements).tables.values()
    known = {table.name for table in tables} | {table.shard_name for table in tables}
    views = {"cost_records", "performance_records", "task_executions"}

    for grant in _tree("users.d/ledger.xml").iter("query"):
        assert str(grant.text).rpartition("spanledger.")[2] in known | views
