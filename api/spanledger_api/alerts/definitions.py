"""Every rule and budget that holds now: those of the operator and those of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spanledger_api.alerts.budget import Budget, BudgetDefinition
from spanledger_api.alerts.kinds import Origin
from spanledger_api.alerts.mute import Mute, MuteDefinition
from spanledger_api.alerts.rule import Rule, RuleDefinition
from spanledger_api.alerts.settings import SETTINGS, SettingKind, read_settings
from spanledger_clickhouse.table_writes import Kept, TableWrites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spanledger_api.alerts.configuration import AlertConfiguration
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Definitions", "all_budgets", "all_mutes", "all_rules"]

_FRESH_SECONDS: Final = 2.0


def all_rules(ledger: Ledger, configuration: AlertConfiguration) -> list[Rule]:
    """The operator's rules, then those of requests by id, disabled ones included."""
    stated = read_settings(ledger, SettingKind.RULE, RuleDefinition)
    made = [Rule(**dict(each), rule_id=rule_id, origin=Origin.API) for rule_id, each in stated.items()]
    return [*configuration.rules, *made]


def all_budgets(ledger: Ledger, configuration: AlertConfiguration) -> list[Budget]:
    """The operator's budgets, then those of requests by id."""
    stated = read_settings(ledger, SettingKind.BUDGET, BudgetDefinition)
    made = [Budget(**dict(each), budget_id=budget_id, origin=Origin.API) for budget_id, each in stated.items()]
    return [*configuration.budgets, *made]


def all_mutes(ledger: Ledger) -> list[Mute]:
    """Every mute by id, those that have ended included."""
    stated = read_settings(ledger, SettingKind.MUTE, MuteDefinition)
    return [Mute(**dict(each), mute_id=mute_id) for mute_id, each in stated.items()]


class Definitions:
    """The rules for watches that look often: read from the ledger where somebody wrote there.

    Where that cannot be told, they are read every two seconds at most.

    Args:
        ledger: Where requests write.
        configuration: What the operator set up.
        writes: Tells whether they did; None looks at every call.
    """

    def __init__(self, ledger: Ledger, configuration: AlertConfiguration, writes: TableWrites | None = None) -> None:
        def enabled_rules() -> Sequence[Rule]:
            return [rule for rule in all_rules(ledger, configuration) if rule.enabled]

        self._rules = Kept(writes or TableWrites(ledger), (SETTINGS,), enabled_rules, _FRESH_SECONDS)

    def enabled_rules(self) -> Sequence[Rule]:
        """The rules that hold, up to two seconds old.

        Raises:
            ClickHouseError: The ledger does not answer.
        """
        return self._rules.value()
