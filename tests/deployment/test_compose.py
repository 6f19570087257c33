"""The composition is valid, closed by default, limited, and knows every variable and version that it names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from boards.clickhouse import PLUGIN_VERSION
from spanledger import environment
from tests.deployment.files import COMPOSE, ROOT, Service, services

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_SERVICES = services()
_DECLARED = {value for name, value in vars(environment).items() if name.isupper()}
_ONE_SHOT = {"migrate"}
_SECRET = re.compile(r"KEY|PASSWORD|DSN")


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
    """It starts once those before it are healthy, or have done what they do once."""
    for needed, how in _SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if needed in _ONE_SHOT else "service_healthy"
        assert how == {"condition": expected}


def test_nothing_starts_before_the_schema() -> None:
    """Whatever reads or writes the ledger starts after the migration, and that after ClickHouse."""

    def before(name: str) -> set[str]:
        direct = set(_SERVICES[name].get("depends_on", {}))
        return direct.union(*(before(each) for each in direct))

    assert "clickhouse" in before("migrate")
    for name in _each("clickhouse", "migrate"):
        assert {"migrate", "clickhouse"} <= before(name)


@pytest.mark.parametrize("name", _each())
def test_ports_are_on_loopback_by_default(name: str) -> None:
    """No port is published to other machines unless somebody says so."""
    for port in _SERVICES[name].get("ports", []):
        assert port.startswith("${SPANLEDGER_PUBLISH:-127.0.0.1}:")


def test_clickhouse_is_only_inside() -> None:
    """The server has no port on the machine and no network that leads out."""
    assert "ports" not in _SERVICES["clickhouse"]
    assert _SERVICES["clickhouse"]["networks"] == ["inside"]
    assert "inside:\n    internal: true" in COMPOSE.read_text()


@pytest.mark.parametrize("name", _each())
def test_no_secret_stands_there(name: str) -> None:
    """What opens anything comes from the environment, and without it nothing starts."""
    for variable, value in _SERVICES[name].get("environment", {}).items():
        if _SECRET.search(variable):
            assert re.search(r"\$\{\w+:\?", value), f"{name}: {variable}"


@pytest.mark.parametrize("name", _each())
def test_every_variable_is_known(name: str) -> None:
    """A variable of ours is a declared one; others are of the image that takes them."""
    users = (ROOT / "clickhouse/server/users.d/spanledger.xml").read_text()
    for variable in _SERVICES[name].get("environment", {}):
        if variable.startswith("SPANLEDGER_"):
            assert variable in _DECLARED
        elif name == "clickhouse":
            assert variable == "CLICKHOUSE_SKIP_USER_SETUP" or f'from_env="{variable}"' in users
        else:
            assert name == "grafana"
            assert variable.startswith("GF_")


def test_the_example_names_every_variable() -> None:
    """What the composition takes from `.env` is in the example, secrets without a value, and nothing else is."""
    text = COMPOSE.read_text()
    needed = set(re.findall(r"\$\{(\w+):\?", text))
    optional = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == needed
    assert not re.findall(r"^\w+=.+$", example, re.MULTILINE)
    shown = dict(re.findall(r"^# (\w+)=(.+)$", example, re.MULTILINE))
    limits = {name for name in optional if name.startswith("CLICKHOUSE_")}
    assert shown.keys() | limits == optional.keys()
    assert all(optional[name] == value for name, value in shown.items())


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
    assert _SERVICES["clickhouse"]["image"] == f"clickhouse/clickhouse-server:{release}"

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
