"""The guide: its file is one that is read, its verification one that verifies, its variables those there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spanledger import environment
from spanledger_api.alerts.channels import Notice, WebhookChannel
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.messages import Locale
from tests.api.alerts.conftest import an_alert

if TYPE_CHECKING:
    from tests.api.alerts.receiver import Receiver

_GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "alerts.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", _GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field that the guide shows exists."""
    secrets = {
        "TEAM_SLACK": "https://slack.example.com/x",
        "PAGER_SECRET": "s",
        "FINANCE_SMTP": "smtp://mail.example.com",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "alerts.toml"
    path.write_text(_block("toml"))

    found = AlertConfiguration.from_environment({environment.ALERTS: str(path)})

    assert found.channel_names == ("team", "pager", "finance")
    assert len(found.rules) == 6
    assert found.budgets[0].scope_value == "openai"


def test_the_verification_verifies(receiver: Receiver) -> None:
    """What a reader of the guide pastes accepts our requests and no others."""
    WebhookChannel("hook", receiver.url, "s3cret").send(Notice(an_alert(), Locale.ENGLISH))
    [request] = receiver.received
    pasted: dict[str, Any] = {}
    exec(_block("python"), pasted)  # noqa: S102 - it is the guide's own example
    is_genuine = pasted["is_genuine"]

    assert is_genuine("s3cret", request.headers, request.body)
    assert not is_genuine("another", request.headers, request.body)
    assert not is_genuine("s3cret", request.headers, request.body + b" ")
    assert not is_genuine("s3cret", {**request.headers, "Spanledger-Timestamp": "1"}, request.body)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"SPANLEDGER_[A-Z_]+", _GUIDE))))
def test_every_variable_exists(name: str) -> None:
    """The guide names no variable that nothing reads."""
    assert name in vars(environment).values()
