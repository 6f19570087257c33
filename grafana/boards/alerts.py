"""The alert rules, as the file that Grafana is provisioned with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml  # type: ignore[import-untyped]  # no stubs are installed

from boards.board import API_TAG
from boards.infinity import REPORTS_UID, Column, Kind, ReportTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RULES", "Rule", "rules_file"]

_DAY: Final = 86_400
_HOUR: Final = 3_600

_HEADER: Final = """\
# Alert rules of Grafana over Spanledger's API, written by `make boards` from grafana/boards/alerts.py.
# Queries are taken as they stand here, so that an amount cannot come from the environment: set it in the code, or here.
"""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: rows of a report, each an alert of its own if its number is over a threshold.

    Attributes:
        name: Its identifier.
        title: What people read.
        summary: What a message says; ``$labels`` and ``$values`` are those of the row.
        target: The report. Its texts tell the rows apart, so no two rows may have the same.
        seconds: How far back the report reaches.
        above: The threshold.
        lasting: How long the number must be over it.
        without_data: Grafana's state while the report has no rows.
        board: The board to look at, by name.
    """

    name: str
    title: str
    summary: str
    target: ReportTarget
    seconds: int
    above: float
    lasting: str = "0s"
    without_data: str = "OK"
    board: str

    def provisioned(self) -> dict[str, object]:
        """The rule as Grafana reads it: a query, and a condition on its rows."""
        condition = {
            "refId": "C",
            "type": "threshold",
            "expression": "A",
            "datasource": {"type": "__expr__", "uid": "__expr__"},
            "conditions": [{"evaluator": {"type": "gt", "params": [self.above]}}],
        }
        return {
            "uid": f"spanledger-{self.name}",
            "title": self.title,
            "condition": "C",
            "for": self.lasting,
            "noDataState": self.without_data,
            "execErrState": "Error",
            "annotations": {"summary": self.summary, "__dashboardUid__": f"{API_TAG}-{self.board}"},
            "labels": {"product": "spanledger"},
            "data": [
                {
                    "refId": "A",
                    "relativeTimeRange": {"from": self.seconds, "to": 0},
                    "datasourceUid": REPORTS_UID,
                    "model": self.target.to_json(),
                },
                {
                    "refId": "C",
                    "relativeTimeRange": {"from": self.seconds, "to": 0},
                    "datasourceUid": "__expr__",
                    "model": condition,
                },
            ],
        }


_HEALTH: Final = "/api/health/data"

RULES: Sequence[Rule] = (
    Rule(
        name="budget",
        title="A budget is exceeded",
        summary=(
            "{{ humanizePercentage $values.A.Value }} of the {{ $labels.period }} budget {{ $labels.budget }} is spent."
        ),
        # How much may be spent on what is the ledger's to know, and a budget that changes there changes here.
        target=ReportTarget(
            path="/api/budgets",
            columns=(
                Column("budget_id", "id", Kind.TEXT),
                Column("name", "budget", Kind.TEXT),
                Column("period", "period", Kind.TEXT),
                Column("used_share", "Share"),
            ),
            parameters={},
            ranged=False,
        ),
        seconds=_DAY,
        above=1,
        board="cost",
    ),
    Rule(
        name="operation",
        title="A single operation cost over 1 USD",
        summary=(
            "{{ $labels.operation }} of {{ $labels.service }} cost {{ $values.A.Value }} USD for user"
            " {{ $labels.user }}, execution {{ $labels.execution }}."
        ),
        target=ReportTarget(
            path="/api/analytics/cost/operations",
            columns=(
                Column("record_id", "record", Kind.TEXT),
                Column("service", "service", Kind.TEXT),
                Column("operation", "operation", Kind.TEXT),
                Column("user_id", "user", Kind.TEXT),
                Column("execution_id", "execution", Kind.TEXT),
                Column("total_cost", "Cost"),
            ),
            parameters={"above": "1"},
        ),
        # An operation counts from its start and is known at its end: the range must be longer than any of them takes.
        seconds=6 * _HOUR,
        above=1,
        board="cost",
    ),
    Rule(
        name="step-duration",
        title="A step's 95th percentile is over a minute",
        summary="95 % of the runs of {{ $labels.task }} / {{ $labels.step }} took up to {{ $values.A.Value }} ms.",
        target=ReportTarget(
            path="/api/analytics/performance/latency",
            columns=(
                Column("task_type", "task", Kind.TEXT),
                Column("step_name", "step", Kind.TEXT),
                Column("p95_duration", "Duration"),
            ),
            parameters={"by": "step"},
        ),
        seconds=_HOUR,
        above=60_000,
        lasting="10m",
        board="performance",
    ),
    Rule(
        name="unpriced",
        title="Over 5 % of the records have no price",
        summary="A share of {{ $values.A.Value }} of the day's cost records is unpriced: totals are too low.",
        target=ReportTarget(path=_HEALTH, columns=(Column("unpriced_share", "Share"),), parameters={}),
        seconds=_DAY,
        above=0.05,
        lasting="10m",
        board="health",
    ),
    Rule(
        name="lag",
        title="No record has arrived for an hour",
        summary="The newest record arrived {{ $values.A.Value }} ms ago.",
        target=ReportTarget(path=_HEALTH, columns=(Column("lag", "Lag"),), parameters={}),
        seconds=_HOUR,
        above=3_600_000,
        lasting="5m",
        # An empty ledger has no newest record: that is this alert's business too.
        without_data="Alerting",
        board="health",
    ),
)
"""All rules."""


def rules_file() -> str:
    """The provisioning file with every rule."""
    group = {
        "orgId": 1,
        "name": "spanledger",
        "folder": "Spanledger",
        "interval": "1m",
        "rules": [rule.provisioned() for rule in RULES],
    }
    body: str = yaml.safe_dump({"apiVersion": 1, "groups": [group]}, sort_keys=False, width=116, allow_unicode=True)
    return _HEADER + body
