"""The collector's files agree with each other, with the names of this project and with the collector itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs are installed

from spanledger import environment
from spanledger_collector.compression import DEFAULT_BODY_LIMIT

if TYPE_CHECKING:
    from tests.collector.otelcol.conftest import Otelcol

_ROOT = Path(__file__).parents[3]
_BASE = "otel-collector.yaml"
_OVERLAYS = ["keys.yaml", "tls.yaml", "redact.yaml", "ledger-only.yaml"]
_FILES = [_ROOT / _BASE, *sorted(set((_ROOT / "collector").glob("*.yaml")) - {_ROOT / "collector/builder-config.yaml"})]


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    return read


def _modules() -> list[tuple[str, str, str]]:
    """Section, path and version of every module that is built in."""
    config = _read(_ROOT / "collector" / "builder-config.yaml")
    sections = ("receivers", "processors", "exporters", "extensions", "providers")
    return [(section, *entry["gomod"].split()) for section in sections for entry in config[section]]


def test_every_file_is_known() -> None:
    """A new file in collector/ is an overlay that the tests below know, or a configuration of its own."""
    assert {path.name for path in _FILES} == {_BASE, "agent.yaml", *_OVERLAYS}


def test_one_release_is_built() -> None:
    """Every module is of the release that the distribution is named after; stable ones carry its second number."""
    release = _read(_ROOT / "collector" / "builder-config.yaml")["dist"]["version"]

    assert {version for section, _, version in _modules() if section != "providers"} == {f"v{release}"}
    assert len({version for section, _, version in _modules() if section == "providers"}) == 1


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_every_part_is_built_in(path: Path) -> None:
    """What a configuration names is in the distribution."""
    modules = [(section, module.replace("_", "").rsplit("/", 1)[-1]) for section, module, _ in _modules()]
    for section in ("receivers", "processors", "exporters", "extensions"):
        for name in _read(path).get(section, {}):
            kind = name.partition("/")[0].replace("_", "")
            assert any(section == s and module in {kind, kind + section[:-1]} for s, module in modules), name


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_every_variable_is_declared(path: Path) -> None:
    """A configuration reads no environment variable that :mod:`spanledger.environment` does not explain."""
    declared = {value for name, value in vars(environment).items() if name.isupper()}

    assert set(re.findall(r"\$\{env:(\w+)", path.read_text())) <= declared


@pytest.mark.parametrize("name", [_BASE, "collector/agent.yaml"])
def test_no_span_is_dropped_by_design(name: str) -> None:
    """Each exporter keeps its queue on disk, waits when it is full, and tries for ever; memory is looked at first."""
    config = _read(_ROOT / name)
    for exporter in config["exporters"].values():
        queue = exporter["sending_queue"]
        assert queue["storage"] in config["extensions"]
        assert queue["block_on_overflow"] is True
        assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"
    for pipeline in config["service"]["pipelines"].values():
        assert pipeline["processors"] == ["memory_limiter"]
    assert config["receivers"]["otlp"]["protocols"]["http"]["max_request_body_size"] == DEFAULT_BODY_LIMIT


@pytest.mark.parametrize("overlays", [[], *([f"collector/{name}"] for name in _OVERLAYS)], ids=str)
def test_the_collector_takes_it(otelcol: Otelcol, tmp_path: Path, overlays: list[str]) -> None:
    """``validate`` passes for the configuration alone and under each overlay."""
    certificate = tmp_path / "certificate.pem"
    certificate.touch()
    checked = otelcol.validate(
        _BASE,
        *overlays,
        SPANLEDGER_INGEST_KEY="key",
        SPANLEDGER_TLS_CERT_FILE=str(certificate),
        SPANLEDGER_TLS_KEY_FILE=str(certificate),
    )

    assert checked.returncode == 0, checked.stderr


def test_the_collector_takes_the_agent(otelcol: Otelcol) -> None:
    """``validate`` passes for the agent once it knows its gateway."""
    checked = otelcol.validate("collector/agent.yaml", SPANLEDGER_GATEWAY="http://127.0.0.1:4318")

    assert checked.returncode == 0, checked.stderr


def test_an_empty_key_is_refused(otelcol: Otelcol) -> None:
    """Asking for keys without stating one is an error at the start, not a door that any key opens."""
    checked = otelcol.validate(_BASE, "collector/keys.yaml")

    assert checked.returncode != 0
    assert "token" in checked.stderr


def test_the_guide_names_everything() -> None:
    """Each variable, overlay and the release that the files use is explained in the guide."""
    guide = (_ROOT / "docs" / "guides" / "opentelemetry-collector.md").read_text()
    named = {name for path in _FILES for name in re.findall(r"\$\{env:(\w+)", path.read_text())}
    named |= {f"collector/{name}" for name in ("agent.yaml", *_OVERLAYS)}
    named.add(_read(_ROOT / "collector" / "builder-config.yaml")["dist"]["version"])

    assert {name for name in named if name not in guide} == set()
