"""The composition is valid, closed by default, limited, and knows every variable and version that it names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from boards.clickhouse import PLUGIN_VERSION
from spanledger import environment
from spanledger_clickhouse.dsn import parse_dsn
from tests.deployment.files import CLUSTER, COMPOSE, ROOT, SERVER, Service, configs, filled, services

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

_SERVICES = services()
_DECLARED = {value for name, value in vars(environment).items() if name.isupper()}
_ONE_SHOT = {"migrate"}
_SECRET = re.compile(r"KEY|PASSWORD|DSN|SECRET")
_OPTIONAL = {name for name, service in _SERVICES.items() if "profiles" in service}
_SERVERS = {name for name, service in _SERVICES.items() if "clickhouse-server:" in service["image"]}
_KEEPERS = {name for name, service in _SERVICES.items() if "clickhouse-keeper:" in service["image"]}


def _each(*left_out: str) -> list[str]:
    return [name for name in _SERVICES if name not in left_out]


def test_it_keeps_to_the_specification() -> None:
    """The schema of the Compose specification accepts it."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", _each())
def test_a_service_can_do_little(name: str) -> None:
    """It has no capability and no way to gain one, writes to its volumes only, and has nothing of the host's."""
    service = _SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service)
    for volume in service.get("volumes", []):
        source, _, mode = volume.split(":")[0], volume.split(":")[1], volume.split(":")[2:]
        assert "docker.sock" not in source
        assert mode == ["ro"] if source.startswith(".") else not mode


@pytest.mark.parametrize("name", _each())
def test_a_service_has_limits(name: str) -> None:
    """Processors, memory and processes are bounded, and so is what it logs."""
    service = _SERVICES[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", _each())
def test_a_service_is_watched(name: str) -> None:
    """Whatever keeps running tells how it is and is started again; what runs once does neither."""
    service = _SERVICES[name]
    if name in _ONE_SHOT:
        assert service["healthcheck"] == {"disable": True}
        assert service["restart"] == "no"
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", _each())
def test_a_service_waits_for_what_it_needs(name: str) -> None:
    """It starts once those before it are healthy, or have done what they do once; a profile's may not be there."""
    for needed, how in _SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if needed in _ONE_SHOT else "service_healthy"
        absent = {"required": False} if needed in _OPTIONAL and name not in _OPTIONAL else {}
        assert how == {"condition": expected, **absent}


def test_nothing_starts_before_the_schema() -> None:
    """Whatever reads or writes the ledger starts after the migration, that after every server, they after Keepers."""

    def before(name: str) -> set[str]:
        direct = set(_SERVICES[name].get("depends_on", {}))
        return direct.union(*(before(each) for each in direct))

    assert len(_SERVERS) == 4
    assert before("migrate") >= _SERVERS
    for name in _SERVERS:
        assert before(name) == _KEEPERS
    for name in _each(*_SERVERS, *_KEEPERS, "migrate"):
        assert {"migrate", "clickhouse"} <= before(name)


def test_the_profile_adds_servers_and_keepers() -> None:
    """Without it there is one server and nothing that only a cluster needs."""
    assert (_SERVERS | _KEEPERS) - {"clickhouse"} == _OPTIONAL
    for name in _OPTIONAL:
        assert _SERVICES[name]["profiles"] == [CLUSTER["COMPOSE_PROFILES"]]


@pytest.mark.parametrize("name", _each())
def test_ports_are_on_loopback_by_default(name: str) -> None:
    """No port is published to other machines unless somebody says so."""
    for port in _SERVICES[name].get("ports", []):
        assert port.startswith("${SPANLEDGER_PUBLISH:-127.0.0.1}:")


@pytest.mark.parametrize("name", sorted(_SERVERS | _KEEPERS))
def test_clickhouse_is_only_inside(name: str) -> None:
    """A server or a Keeper has no port on the machine and no network that leads out."""
    assert "ports" not in _SERVICES[name]
    assert _SERVICES[name]["networks"] == ["inside"]
    assert "inside:\n    internal: true" in COMPOSE.read_text()


@pytest.mark.parametrize("name", _each())
def test_no_secret_stands_there(name: str) -> None:
    """What opens anything comes from the environment, and without it nothing starts that would ask for it."""
    for variable, value in _SERVICES[name].get("environment", {}).items():
        if _SECRET.search(variable):
            assert re.search(r"\$\{\w+:\?", value), f"{name}: {variable}"
            with pytest.raises(KeyError):
                filled(value, CLUSTER if variable == "CLICKHOUSE_CLUSTER_SECRET" else {})


@pytest.mark.parametrize("name", _each())
def test_every_variable_is_known(name: str) -> None:
    """A variable of ours is a declared one; others are of the image that takes them."""
    read = "".join(path.read_text() for path in configs(_SERVICES[name], CLUSTER).values())
    for variable in _SERVICES[name].get("environment", {}):
        if variable.startswith("SPANLEDGER_"):
            assert variable in _DECLARED
        elif name in _SERVERS | _KEEPERS:
            assert variable == "CLICKHOUSE_SKIP_USER_SETUP" or f'from_env="{variable}"' in read
        else:
            assert name == "grafana"
            assert variable.startswith("GF_")


def test_the_example_names_every_variable() -> None:
    """What the composition takes from `.env` is in the example, secrets without a value, and nothing else is."""
    text = COMPOSE.read_text()
    of_a_cluster = set(re.findall(r":\+\$\{(\w+):\?", text))
    needed = set(re.findall(r"\$\{(\w+):\?", text)) - of_a_cluster
    optional = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == needed
    assert set(re.findall(r"^# (\w+)=$", example, re.MULTILINE)) == of_a_cluster == {"CLICKHOUSE_CLUSTER_SECRET"}
    assert not re.findall(r"^\w+=.+$", example, re.MULTILINE)
    shown = dict(re.findall(r"^# (\w+)=(.+)$", example, re.MULTILINE))
    assert CLUSTER.items() <= shown.items()
    choices = {name: value for name, value in shown.items() if name not in CLUSTER}
    limits = {name for name in optional if name.startswith("CLICKHOUSE_")}
    assert choices.keys() | limits | {"SPANLEDGER_CLUSTER"} == optional.keys()
    assert all(optional[name] == value for name, value in choices.items())


def test_secrets_of_the_environment_stay_out_of_the_repository() -> None:
    """The file with the secrets is ignored."""
    ignored = subprocess.run(["git", "check-ignore", ".env"], cwd=ROOT, capture_output=True, check=False)  # noqa: S607 - git is where the machine has it
    assert ignored.returncode == 0


@pytest.mark.parametrize("name", _each())
def test_an_image_has_a_version(name: str) -> None:
    """Images of others are of one release; ours are built here."""
    service: Service = _SERVICES[name]
    if "build" in service:
        assert service["image"].endswith(":local")
    else:
        assert re.fullmatch(r"[\w/-]+:\d+(\.\d+)+", service["image"])


def test_versions_are_those_that_were_tested(ledger: Ledger) -> None:
    """ClickHouse is of the embedded engine's release; Grafana and its plugins are those the boards are checked for."""
    [row] = ledger.query("SELECT version() AS version")
    release = ".".join(str(row["version"]).split(".")[:2])
    assert {_SERVICES[name]["image"] for name in _SERVERS} == {f"clickhouse/clickhouse-server:{release}"}
    assert {_SERVICES[name]["image"] for name in _KEEPERS} == {f"clickhouse/clickhouse-keeper:{release}"}

    schema = json.loads((ROOT / "tests/grafana/javascript/package.json").read_text())["dependencies"]["@grafana/schema"]
    assert _SERVICES["grafana"]["image"] == f"grafana/grafana:{schema}"
    plugins = _SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].split(",")
    assert f"grafana-clickhouse-datasource@{PLUGIN_VERSION}" in plugins


@pytest.mark.parametrize("name", _each())
def test_what_is_mounted_is_there(name: str) -> None:
    """Every file of the repository that a service mounts is one."""
    for volume in _SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        assert not source.startswith(".") or (ROOT / source).exists()
    for values in ({}, CLUSTER) if name not in _OPTIONAL else (CLUSTER,):
        assert all(path.is_file() for path in configs(_SERVICES[name], values).values())


def test_a_choice_of_the_topology_is_one_file_for_settings_and_one_for_users() -> None:
    """A server alone has the files of one, every server of a cluster has its; the rest is the same."""

    def topology(name: str, values: Mapping[str, str]) -> dict[str, Path]:
        found = configs(_SERVICES[name], values)
        shared = {
            "/etc/clickhouse-server/users.d/spanledger.xml": SERVER / "users.d/spanledger.xml",
            "/etc/clickhouse-server/config.d/bounded_logs.xml": SERVER / "config.d/bounded_logs.xml",
        }
        assert found.items() >= shared.items()
        return {target: path for target, path in found.items() if target not in shared}

    def named(stem: str) -> dict[str, Path]:
        folders = ("config.d", "users.d")
        return {f"/etc/clickhouse-server/{each}/topology.xml": SERVER / each / f"{stem}.xml" for each in folders}

    assert topology("clickhouse", {}) == named("single")
    for name in _SERVERS:
        assert topology(name, CLUSTER) == named(CLUSTER["SPANLEDGER_CLUSTER"])


@pytest.mark.parametrize("name", sorted(_SERVERS - {"clickhouse"}))
def test_a_node_does_not_start_without_a_cluster(name: str) -> None:
    """The profile alone names files that are not there, so that no node becomes a server of its own."""
    assert [path.stem for path in configs(_SERVICES[name], {}).values() if not path.exists()] == [
        "the profile cluster needs SPANLEDGER_CLUSTER"
    ] * 2


@pytest.mark.parametrize("name", sorted(_SERVERS))
def test_only_a_cluster_asks_for_its_secret(name: str) -> None:
    """Compose fills in variables of services that no profile has chosen too, so the secret hangs on the cluster."""
    secret = _SERVICES[name]["environment"]["CLICKHOUSE_CLUSTER_SECRET"]
    assert not filled(secret, {})
    assert filled(secret, {**CLUSTER, "CLICKHOUSE_CLUSTER_SECRET": "of the nodes"}) == "of the nodes"
    with pytest.raises(KeyError, match="CLICKHOUSE_CLUSTER_SECRET"):
        filled(secret, CLUSTER)


@pytest.mark.parametrize("name", ["migrate", "collector", "api"])
def test_the_ledger_is_where_the_topology_says(name: str) -> None:
    """One variable decides for the servers and for what connects to them."""
    stated = _SERVICES[name]["environment"]["SPANLEDGER_DSN"]
    single, spread = (filled(stated, {**values, "CLICKHOUSE_OWNER_PASSWORD": "owner"}) for values in ({}, CLUSTER))
    assert single == "clickhouse://spanledger:owner@clickhouse:8123/spanledger"
    assert parse_dsn(spread) == replace(parse_dsn(single), cluster=CLUSTER["SPANLEDGER_CLUSTER"])
