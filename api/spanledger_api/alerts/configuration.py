"""What is watched and who is told, as the operator set it up: defaults, variables, file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spanledger import environment
from spanledger.exceptions import ConfigurationError
from spanledger_api.alerts.alert_file import AlertFile, read_alert_file
from spanledger_api.alerts.channel_definition import channels_of_environment
from spanledger_api.alerts.collecting import NOTICES_PER_MINUTE
from spanledger_api.alerts.kinds import Origin, RuleKind
from spanledger_api.alerts.rule import LARGEST, AnomalySubject, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_api.alerts.budget import Budget
    from spanledger_api.alerts.channels import Channel

__all__ = ["AlertConfiguration"]

_DEFAULT_OPERATION_USD: Final = Decimal(1)
_MOST_NOTICES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class AlertConfiguration:
    """What the operator set up; requests add rules and budgets to it and cannot change it.

    Attributes:
        rules: The rules that always hold, then those of the file; one of the file takes the place of one of its id.
        budgets: Those of the file.
        channels: Those of the variables, then those of the file.
        notices_per_minute: How many notices of a rule about operations a channel gets in a minute.
    """

    rules: tuple[Rule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    channels: tuple[Channel, ...] = ()
    notices_per_minute: int = NOTICES_PER_MINUTE

    @staticmethod
    def from_environment(variables: Mapping[str, str] = os.environ) -> AlertConfiguration:
        """What variables and the file that ``SPANLEDGER_ALERTS`` names set up.

        Raises:
            ConfigurationError: Something of it cannot be used; the message says what and where, never a secret.
        """
        path = variables.get(environment.ALERTS)
        stated = read_alert_file(Path(path)) if path else AlertFile()
        channels = (*channels_of_environment(variables), *stated.channels)
        names = [channel.name for channel in channels]
        if twice := next((name for name in names if names.count(name) > 1), None):
            message = f"The channel {twice} is set up twice, by a variable and in {path}; name one of them differently."
            raise ConfigurationError(message)
        rules = {rule.rule_id: rule for rule in (*_default_rules(_operation_limit(variables)), *stated.rules)}
        _refuse_unknown_channels(path or "", (*rules.values(), *stated.budgets), names)
        return AlertConfiguration(tuple(rules.values()), stated.budgets, channels, _notices_per_minute(variables))

    def without_budgets(self) -> AlertConfiguration:
        """The same without its budgets."""
        return replace(self, budgets=())

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The names of the channels, in order."""
        return tuple(channel.name for channel in self.channels)


def _default_rules(operation_limit: Decimal) -> list[Rule]:
    """The rules that hold where the file states none of their id."""
    return [
        Rule(
            rule_id="operation-cost",
            name="Expensive operation",
            kind=RuleKind.OPERATION,
            threshold=operation_limit,
            origin=Origin.FILE,
        ),
        *(
            Rule(
                rule_id=f"unusual-spend-{by.value.removesuffix('_id')}",
                name=f"Unusual spend of a {by.value.removesuffix('_id')}",
                kind=RuleKind.ANOMALY,
                by=by,
                origin=Origin.FILE,
            )
            for by in AnomalySubject
        ),
        Rule(rule_id="price-book-age", name="Old price book", kind=RuleKind.PRICE_BOOK, origin=Origin.FILE),
        Rule(rule_id="unpriced-share", name="Records without a price", kind=RuleKind.UNPRICED, origin=Origin.FILE),
    ]


def _operation_limit(variables: Mapping[str, str]) -> Decimal:
    stated = variables.get(environment.ALERT_OPERATION_USD)
    if not stated:
        return _DEFAULT_OPERATION_USD
    try:
        limit = Decimal(stated)
    except InvalidOperation:
        limit = Decimal(-1)
    if not limit.is_finite() or not 0 <= limit <= LARGEST or round(limit, 12) != limit:
        message = f"{environment.ALERT_OPERATION_USD}={stated!r} is not an amount in USD, such as 1 or 0.50."
        raise ConfigurationError(message)
    return limit


def _notices_per_minute(variables: Mapping[str, str]) -> int:
    stated = variables.get(environment.ALERT_NOTICES_PER_MINUTE) or str(NOTICES_PER_MINUTE)
    if not stated.isdecimal() or not 0 < int(stated) <= _MOST_NOTICES:
        message = f"{environment.ALERT_NOTICES_PER_MINUTE}={stated!r} is not a whole number from 1 to {_MOST_NOTICES}."
        raise ConfigurationError(message)
    return int(stated)


def _refuse_unknown_channels(path: str, stated: tuple[Rule | Budget, ...], names: list[str]) -> None:
    for each in stated:
        if unknown := next((name for name in each.channels or () if name not in names), None):
            message = (
                f"{path}: {each.name} tells the channel {unknown}, which is not set up; known are {', '.join(names)}."
            )
            raise ConfigurationError(message)
