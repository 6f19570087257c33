"""What the running API says of the demonstration's jobs: every report, read over HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from spanledger.exceptions import InvalidRequestError, LedgerUnavailableError
from spanledger_api.command_line.api_client import get
from spanledger_api.command_line.report import REPORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Rows = list[dict[str, object]]

_POLL_SECONDS = 0.05
_EVERY_USER = "10000"


@dataclass(frozen=True, slots=True)
class Past:
    """What the API says of the days before today.

    Attributes:
        days: How many.
        records: Number of paid operations.
        total_cost: Their sum in USD, every digit kept.
    """

    days: int
    records: int
    total_cost: Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """Every report on one run, as the API answered it.

    Attributes:
        reports: The rows of each report by its name; those of ``bottleneck`` are in :attr:`bottleneck`.
        bottleneck: The rows of the bottleneck report by task type.
        failed: The executions that failed, with what they cost.
    """

    reports: Mapping[str, _Rows]
    bottleneck: Mapping[str, _Rows]
    failed: _Rows

    def total(self, report: str) -> Decimal:
        """Sum of a report's amounts in USD, every digit kept."""
        return sum((amount(row["total_cost"]) for row in self.reports[report]), Decimal(0))

    @property
    def agree(self) -> bool:
        """Whether users, services and days add up to the same amount and to the same number of records."""
        summed = {
            (self.total(name), sum(count(row["operations_count"]) for row in self.reports[name]))
            for name in ("users", "services", "trend")
        }
        return len(summed) == 1


class Reader:
    """Reads the reports on what happened since an instant.

    Args:
        api: Base address of the API.
        since: First instant covered, RFC 3339.
    """

    def __init__(self, api: str, since: str) -> None:
        self._api = api
        self._since = since

    def wait(
        self, cost_records: int, steps: Mapping[str, Mapping[str, int]], failed: list[str], seconds: float
    ) -> None:
        """Return as soon as everything that was acknowledged can be read.

        Args:
            cost_records: How many cost records there must be.
            steps: How often each step must have run, by task type and name.
            failed: Executions that must have failed.
            seconds: How long to wait at most.

        Raises:
            LedgerUnavailableError: It was not there in time; the message says what was.
        """
        deadline = time.monotonic() + seconds
        # One question at a time: each costs the ledger time that it needs to load what it is asked for.
        _wait_for(cost_records, self._cost_records, deadline)
        for task_type, counts in steps.items():
            _wait_for(dict(counts), partial(self._steps, task_type), deadline)
        for identifier in failed:
            _wait_for("failed", partial(self._status, identifier), deadline)

    def read(self, task_types: list[str], failed: list[str]) -> Reading:
        """Every report: on all users, with the bottlenecks of these task types and these failed executions."""
        names = [name for name in REPORTS if name != "bottleneck"]
        extra = {"users": {"topN": _EVERY_USER}}
        return Reading(
            reports={name: self._rows(name, extra.get(name, {})) for name in names},
            bottleneck={task: self._rows("bottleneck", {"taskType": task}) for task in task_types},
            failed=[self._execution(identifier) for identifier in failed],
        )

    def _rows(self, report: str, query: Mapping[str, str]) -> _Rows:
        return get(self._api, REPORTS[report].path, {"from": self._since, **query}).rows()

    def _execution(self, identifier: str) -> dict[str, object]:
        document = get(self._api, f"/api/executions/{quote(identifier, safe='')}", {}).document()
        return {name: value for name, value in document.items() if not isinstance(value, list)}

    def _status(self, identifier: str) -> str | None:
        try:
            return cast("str | None", self._execution(identifier)["status"])
        except InvalidRequestError:
            return None  # not there yet: the API refuses an id that nothing names

    def _cost_records(self) -> int:
        return _records(self._rows("services", {}))

    def _steps(self, task_type: str) -> dict[str, int]:
        rows = self._rows("bottleneck", {"taskType": task_type})
        return {str(row["step_name"]): count(row["count"]) for row in rows}


def _records(rows: _Rows) -> int:
    return sum(count(row["operations_count"]) for row in rows)


def read_past(api: str, days: int, records: int, seconds: float) -> Past:
    """The sum over the UTC days before today, as soon as all their records can be read.

    Args:
        api: Base address of the API.
        days: How many days.
        records: How many cost records there must be.
        seconds: How long to wait at most.

    Raises:
        LedgerUnavailableError: They were not there in time.
    """
    today = datetime.now(UTC).date()
    window = {"from": f"{today - timedelta(days=days)}T00:00:00Z", "to": f"{today}T00:00:00Z"}

    def ask() -> _Rows:
        return get(api, REPORTS["services"].path, window).rows()

    _wait_for(records, lambda: _records(ask()), time.monotonic() + seconds)
    rows = ask()
    return Past(days, _records(rows), sum((amount(row["total_cost"]) for row in rows), Decimal(0)))


def _wait_for(wanted: object, ask: Callable[[], object], deadline: float) -> None:
    while (seen := ask()) != wanted:
        if time.monotonic() > deadline:
            message = f"the ledger does not show the whole run in time: {wanted} expected, {seen} there"
            raise LedgerUnavailableError(message)
        time.sleep(_POLL_SECONDS)


def amount(value: object) -> Decimal:
    """A number of the API as a decimal, every digit kept."""
    return Decimal(cast("Decimal | int", value))


def count(value: object) -> int:
    """A count of the API."""
    return int(cast("int", value))
