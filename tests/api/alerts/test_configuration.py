"""The operator's set-up: a file that says where it is wrong, variables that just work, secrets that stay secret."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger import environment
from spanledger.exceptions import ConfigurationError
from spanledger_api.alerts.alert_file import read_alert_file
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.kinds import RuleKind

if TYPE_CHECKING:
    from pathlib import Path

_GOOD = """
[[rule]]
id = "operation-cost"        # takes the place of the one that always holds
kind = "operation"
threshold = 0.25
channels = ["hook"]

[[budget]]
id = "team"
scope = "user"
scope_value = "user-1"
amount = 12.5
period = "quarterly"
timezone = "Asia/Taipei"
thresholds = [90, 99.5]

[[channel]]
name = "hook"
kind = "webhook"
url = "https://example.com/hook"
secret = "env:SECRET"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "alerts.toml"


def test_a_file_states_rules_budgets_and_channels(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decimals keep every digit; a rule of the id of a default one takes its place."""
    monkeypatch.setenv("SECRET", "s3cret")
    path.write_text(_GOOD)

    found = AlertConfiguration.from_environment({environment.ALERTS: str(path), "SECRET": "s3cret"})

    assert found.rules[0].threshold == Decimal("0.25")
    assert [rule.kind for rule in found.rules] == [
        *(RuleKind.OPERATION, RuleKind.ANOMALY, RuleKind.ANOMALY, RuleKind.PRICE_BOOK, RuleKind.UNPRICED),
    ]
    assert found.budgets[0].thresholds == [Decimal(90), Decimal("99.5")]
    assert found.channel_names == ("hook",)


@pytest.mark.parametrize(
    ("change", "line", "complaint"),
    [
        (("threshold = 0.25", "threshold = -1"), 5, "rule operation-cost: threshold: Input should be greater"),
        (("threshold = 0.25", "treshold = 1"), 5, "rule operation-cost: treshold: is no field"),
        (('kind = "operation"', 'kind = "operatoin"'), 4, "rule operation-cost: kind: Input should be 'operation'"),
        (("amount = 12.5", ""), 8, "budget team: amount: Field required"),
        (('period = "quarterly"', 'period = "hourly"'), 13, "budget team: period: Input should be 'daily'"),
        (("Asia/Taipei", "Mars/Base"), 14, "budget team: timezone: not an IANA time zone name"),
        (('id = "team"', 'id = "te am"'), 9, "budget te am: id: must be a text of letters"),
        (('secret = "env:SECRET"', 'secret = "s3cret"'), 17, "secret is a secret: write env:NAME"),
        (('"env:SECRET"', '"env:NOT_SET"'), 20, "the variable NOT_SET is not set"),
        (("https://example.com/hook", "example.com"), 20, "the address must be http:// or https://"),
        (("[[channel]]", '[[rule]]\nid = "operation-cost"\nkind = "operation"\n[[channel]]'), 18, "stands there twice"),
        (("[[rule]]", "[[rool]]"), None, "rool is not known"),
        (("[[rule]]", "[[rule]"), 2, ""),
    ],
)
def test_a_mistake_is_named_with_its_line(
    path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], line: int | None, complaint: str
) -> None:
    """File, line and field: what an editor can jump to."""
    monkeypatch.setenv("SECRET", "s3cret")
    path.write_text(_GOOD.replace(*change, 1))

    with pytest.raises(ConfigurationError) as refused:
        read_alert_file(path)

    message = str(refused.value)
    assert complaint in message
    assert line is None or f"{path}:{line}:" in message or f"at line {line}," in message
    assert "s3cret" not in message


def test_variables_alone_set_up_channels(tmp_path: Path) -> None:
    """Slack, webhook and e-mail by one variable each; a secret may come from a file instead."""
    secret = tmp_path / "slack"
    secret.write_text("https://hooks.example.com/T0/secret\n")

    found = AlertConfiguration.from_environment(
        {
            environment.ALERT_OPERATION_USD: "0.50",
            environment.ALERT_SLACK_WEBHOOK: f"file:{secret}",
            environment.ALERT_WEBHOOK_URL: "http://127.0.0.1:1/x",
            environment.ALERT_EMAIL_TO: "a@example.com, b@example.com",
            environment.SMTP_URL: "smtp://127.0.0.1:25",
        }
    )

    assert found.channel_names == ("slack", "webhook", "email")
    assert found.rules[0].limit == Decimal("0.5")
    assert AlertConfiguration.from_environment({}).channel_names == ()


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({environment.ALERT_OPERATION_USD: "a dollar"}, environment.ALERT_OPERATION_USD),
        ({environment.ALERT_OPERATION_USD: "-1"}, environment.ALERT_OPERATION_USD),
        ({environment.ALERT_SLACK_WEBHOOK: "hooks.example.com/s3cret"}, environment.ALERT_SLACK_WEBHOOK),
        ({environment.ALERT_EMAIL_TO: "a@example.com"}, environment.SMTP_URL),
        ({environment.ALERT_WEBHOOK_URL: "file:/does/not/exist"}, environment.ALERT_WEBHOOK_URL),
        ({environment.ALERTS: "/does/not/exist"}, "/does/not/exist"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(variables: dict[str, str], named: str) -> None:
    """At the start, not when the first alert comes; without the secret in it."""
    with pytest.raises(ConfigurationError) as refused:
        AlertConfiguration.from_environment(variables)

    assert named in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_rule_cannot_tell_a_channel_that_is_not_there(path: Path) -> None:
    """Nor can two channels have one name."""
    path.write_text('[[rule]]\nid = "r"\nkind = "operation"\nchannels = ["nobody"]\n')
    with pytest.raises(ConfigurationError, match="nobody, which is not set up"):
        AlertConfiguration.from_environment({environment.ALERTS: str(path)})

    path.write_text('[[channel]]\nname = "webhook"\nkind = "webhook"\nurl = "http://127.0.0.1:1"\n')
    with pytest.raises(ConfigurationError, match="set up twice"):
        AlertConfiguration.from_environment(
            {environment.ALERTS: str(path), environment.ALERT_WEBHOOK_URL: "http://127.0.0.1:2"}
        )
