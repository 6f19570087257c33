"""The files of a cluster: well formed, of one mind with each other and with the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs are installed

from spanledger_clickhouse.cluster import CLUSTER_SETTINGS, Cluster
from spanledger_clickhouse.migrations import known_migrations

_SERVER = Path(__file__).parents[2] / "clickhouse" / "server"
_COMPOSE = _SERVER / "compose.cluster.yml"


def _tree(name: str) -> ET.Element:
    return ET.parse(_SERVER / name).getroot()  # noqa: S314 - the project's own file


def _services() -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load(_COMPOSE.read_text())["services"])


@pytest.mark.parametrize("path", sorted(_SERVER.rglob("*.xml")), ids=lambda path: path.name)
def test_server_files_are_well_formed(path: Path) -> None:
    """Each is XML that the server takes."""
    assert ET.parse(path).getroot().tag == "clickhouse"  # noqa: S314 - the project's own file


def test_the_compose_file_is_valid() -> None:
    """It follows the specification of compose files."""
    tool = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [tool, "--builtin-schema", "vendor.compose-spec", str(_COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_every_node_is_in_the_cluster_once() -> None:
    """Names and shards of the services are those of the configuration; two replicas a shard, three Keepers."""
    shards = [
        [str(replica.findtext("host")) for replica in shard.findall("replica")]
        for shard in _tree("config.d/cluster.xml").findall("remote_servers/ledger/shard")
    ]
    nodes = {
        str(service["environment"]["CLICKHOUSE_NODE"]): (name, service["environment"]["CLICKHOUSE_SHARD"])
        for name, service in _services().items()
        if "CLICKHOUSE_NODE" in service.get("environment", {})
    }
    keepers = {host.text for host in _tree("config.d/cluster.xml").findall("zookeeper/node/host")}

    assert nodes == {host: (host, str(number)) for number, hosts in enumerate(shards, start=1) for host in hosts}
    assert [len(hosts) for hosts in shards] == [2, 2]
    assert keepers == {host.text for host in _tree("keeper/keeper.xml").iter("hostname")} <= set(_services())
    assert len(keepers) == 3


def test_other_clients_have_the_settings_that_make_tables_exact() -> None:
    """The owner's profile has every setting that the program sends on a cluster; readers have those of readings."""
    users = _tree("users.d/cluster.xml")

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

    for grant in _tree("users.d/cluster.xml").iter("query"):
        assert str(grant.text).rpartition("spanledger.")[2] in known | views
