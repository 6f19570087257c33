"""The committed boards are those of the code, and everything they refer to is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs are installed

from boards.__main__ import main
from boards.files import rendered
from spanledger import environment
from spanledger_api.dashboard.pages import PAGES
from tests.grafana.files import BOARDS, GRAFANA, board, rules

if TYPE_CHECKING:
    from tests.grafana.infinity_plugin import Model

# Names that Grafana itself puts in.
_BUILT_IN = re.compile(r"__\w+(\.\w+)*")


def test_files_are_what_the_code_draws(capsys: pytest.CaptureFixture[str]) -> None:
    """No file was changed by hand, none is missing, and none is left of a board that is gone."""
    assert main(check=True) == 0, capsys.readouterr().err
    assert set(BOARDS) == {name.removeprefix("dashboards/") for name in rendered() if name.startswith("dashboards/")}


def test_a_changed_file_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The comparison names the file that differs."""
    files = {**rendered(), "dashboards/api/cost.json": "{}"}
    monkeypatch.setattr("boards.__main__.rendered", lambda: files)
    assert main(check=True) == 1
    assert "dashboards/api/cost.json" in capsys.readouterr().err


def test_both_sets_answer_the_same_questions() -> None:
    """Cost, users, prompts, performance and health are there over the API and over SQL."""
    names = {"cost.json", "users.json", "prompts.json", "performance.json", "health.json"}
    assert {name.removeprefix("api/") for name in BOARDS if name.startswith("api/")} == names
    assert {name.removeprefix("clickhouse/") for name in BOARDS if name.startswith("clickhouse/")} == names


def test_identifiers_are_of_one_board() -> None:
    """No two boards have one identifier, which links and rules name them by."""
    identifiers = [board(name)["uid"] for name in BOARDS]
    assert len(set(identifiers)) == len(identifiers)
    assert {rule["annotations"]["__dashboardUid__"] for rule in rules()} <= set(identifiers)


def _texts(part: object) -> list[str]:
    if isinstance(part, dict):
        return [text for each in part.values() for text in _texts(each)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON
    if isinstance(part, list):
        return [text for each in part for text in _texts(each)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON
    return [part] if isinstance(part, str) else []


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_is_declared_and_used(name: str) -> None:
    """What panels and links take from a reader's choice is a choice of the board, and no choice is without effect."""
    read = board(name)
    declared = {each["name"] for each in read["templating"]["list"]}
    shown = _texts([read["panels"], read["links"]])
    used = {found for text in shown for found in re.findall(r"\$\{([\w.]+?)(?::\w+)*\}", text)}
    assert {each for each in used if not _BUILT_IN.fullmatch(each)} <= declared
    assert declared <= used, declared - used


@pytest.mark.parametrize("name", BOARDS)
def test_every_column_of_a_table_is_one_of_its_target(name: str) -> None:
    """The order, the units and the links of a table are of columns that it has."""
    for panel in board(name)["panels"]:
        if panel["type"] != "table":
            continue
        (target,) = panel["targets"]
        columns = (
            {each["text"] for each in target["columns"]}
            if "columns" in target
            else set(re.findall(r'AS "([^"]+)"', target["rawSql"]))
        )
        (organized,) = [each for each in panel["transformations"] if each["id"] == "organize"]
        assert set(organized["options"]["indexByName"]) == columns, panel["title"]
        overridden = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
        assert overridden <= columns, panel["title"]


def _sources() -> list[Model]:
    read: Model = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "spanledger.yaml").read_text())
    found: list[Model] = read["datasources"]
    return found


@pytest.mark.parametrize("name", BOARDS)
def test_every_source_is_provisioned(name: str) -> None:
    """Panels, targets and variables name data sources that provisioning makes, by kind and identifier."""
    provisioned = {(source["type"], source["uid"]) for source in _sources()}
    read = board(name)
    named = [panel["datasource"] for panel in read["panels"]]
    named += [target["datasource"] for panel in read["panels"] for target in panel["targets"]]
    named += [each["datasource"] for each in read["templating"]["list"] if each["type"] == "query"]
    assert {(each["type"], each["uid"]) for each in named} <= provisioned


def test_rules_ask_a_provisioned_source() -> None:
    """Rules name the data source of the API, and expressions their own."""
    provisioned = {source["uid"] for source in _sources()}
    assert {data["datasourceUid"] for rule in rules() for data in rule["data"]} <= {*provisioned, "__expr__"}


def test_secrets_come_from_the_environment() -> None:
    """No file holds a secret, and each variable that provisioning names is a declared one."""
    declared = {value for name, value in vars(environment).items() if name.isupper()}
    for source in _sources():
        assert all(re.fullmatch(r"\$[A-Z_]+", value) for value in source["secureJsonData"].values())
    text = (GRAFANA / "provisioning" / "datasources" / "spanledger.yaml").read_text()
    named = set(re.findall(r"^[^#]*\$([A-Z_]+)", text, re.MULTILINE))
    assert named
    assert named <= declared


def test_the_key_goes_nowhere_else() -> None:
    """The plugin refuses hosts that are not allowed, and the API is the only one that is."""
    (reports,) = [source for source in _sources() if source["uid"] == "spanledger"]
    assert reports["jsonData"]["allowedHosts"] == [reports["url"]]
    assert reports["jsonData"]["customHealthCheckUrl"] == f"{reports['url']}/api/freshness"


@pytest.mark.parametrize("name", BOARDS)
def test_links_lead_to_pages_that_are_there(name: str) -> None:
    """A link to Spanledger's own dashboard is to one of its pages."""
    paths = [text.partition("}")[2] for text in _texts(board(name)) if text.startswith("${spanledger:raw}")]
    assert paths
    for path in paths:
        assert path.replace("${__value.raw}", "{name:path}") in PAGES
