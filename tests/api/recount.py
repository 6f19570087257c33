"""What every report must say, added up from the distinct spans in plain Python: the definition of correct."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from spanledger_api.window import Period, first_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.api.spans import Span

    Rows = list[dict[str, object]]

__all__ = ["Question", "expected", "is_right", "shares"]

PERCENTILES = {"p50_duration": 50, "p95_duration": 95, "p99_duration": 99}
_ESTIMATE = Decimal("0.01")
"""By how much of the true value a percentile may differ where it is taken from sums."""


@dataclass(frozen=True)
class Question:
    """One request: a report's path below ``/api/analytics`` and its parameters."""

    path: str
    parameters: Mapping[str, str | int]

    def covers(self, span: Span) -> bool:
        """Whether the report is about a record of this span."""
        given = self.parameters
        start, end = (given.get(name) for name in ("from", "to"))
        wanted = (
            ("userId", span.user),
            ("service", span.service),
            ("taskType", span.task),
            ("executionId", span.execution),
        )
        return (
            (start is None or span.start >= datetime.fromisoformat(str(start)))
            and (end is None or span.start < datetime.fromisoformat(str(end)))
            and all(given.get(name, value) == value for name, value in wanted)
        )

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose calendar is asked for."""
        return ZoneInfo(str(self.parameters.get("timezone", "UTC")))


def expected(question: Question, spans: Iterable[Span]) -> Rows:
    """The rows of a report; percentiles are the exact nearest ranks."""
    covered = [span for span in spans if question.covers(span)]
    with localcontext(prec=200):
        return _REPORTS[question.path](question, covered)


def is_right(found: Rows, wanted: Rows) -> bool:
    """Whether a report is the recount: equal to the last digit, percentiles within what is promised of them."""
    return len(found) == len(wanted) and all(map(_is_right_row, found, wanted))


def _is_right_row(found: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    for name, value in wanted.items():
        if name in PERCENTILES:
            exact = Decimal(str(value))
            if abs(Decimal(str(found[name])) - exact) > exact * _ESTIMATE:
                return False
        elif found[name] != value:
            return False
    return found.keys() == wanted.keys()


def _paid(spans: Iterable[Span]) -> list[Span]:
    return [span for span in spans if span.service and span.currency in {"", "USD"}]


def _by(key: Callable[[Span], str], spans: Iterable[Span]) -> dict[str, list[Span]]:
    groups: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        groups[key(span)].append(span)
    return groups


def _cost(spans: Iterable[Span]) -> Decimal:
    return sum((span.cost or Decimal(0) for span in spans), Decimal(0))


def _average(total: Decimal | int, count: int, places: str) -> Decimal:
    return (Decimal(total) / count).quantize(Decimal(places), ROUND_HALF_EVEN)


def _milliseconds(spans: list[Span]) -> Decimal:
    return _average(Decimal(sum(span.duration_ns for span in spans)).scaleb(-6), len(spans), "1e-6")


def _dearest_first(groups: Mapping[str, list[Span]]) -> list[tuple[str, list[Span]]]:
    return sorted(groups.items(), key=lambda item: (-_cost(item[1]), item[0]))


def _users(question: Question, spans: list[Span]) -> Rows:
    rows = _dearest_first(_by(lambda span: span.user, _paid(spans)))
    return [
        {"user_id": user or None, "total_cost": _cost(group), "operations_count": len(group)}
        for user, group in rows[: int(question.parameters.get("topN", 10))]
    ]


def _services(_question: Question, spans: list[Span]) -> Rows:
    return [
        {
            "service": service,
            "total_cost": _cost(group),
            "avg_duration": _milliseconds(group),
            "operations_count": len(group),
        }
        for service, group in _dearest_first(_by(lambda span: span.service, _paid(spans)))
    ]


def _prompts(_question: Question, spans: list[Span]) -> Rows:
    calls = [span for span in _paid(spans) if span.service == "openai"]
    return [
        {
            "operation": operation,
            "total_cost": _cost(group),
            "avg_cost": _average(_cost(group), len(group), "1e-12"),
            "avg_duration": _milliseconds(group),
            "calls_count": len(group),
        }
        for operation, group in _dearest_first(_by(lambda span: span.operation, calls))
    ]


def _trend(question: Question, spans: list[Span]) -> Rows:
    period = Period(str(question.parameters.get("period", "daily")))

    def first(span: Span) -> str:
        return first_day(period, span.start.astimezone(question.zone).date()).isoformat()

    return [
        {"date": day, "total_cost": _cost(group), "operations_count": len(group)}
        for day, group in sorted(_by(first, _paid(spans)).items())
    ]


def _bottleneck(_question: Question, spans: list[Span]) -> Rows:
    rows: Rows = [
        {
            "step_name": step,
            "avg_duration": _milliseconds(group),
            "p95_duration": _nearest_rank(group, 95),
            "max_duration": Decimal(max(span.duration_ns for span in group)).scaleb(-6),
            "count": len(group),
        }
        for step, group in _by(lambda span: span.step, (span for span in spans if span.step)).items()
    ]
    return sorted(rows, key=lambda row: (-Decimal(str(row["avg_duration"])), str(row["step_name"])))


def _nearest_rank(spans: list[Span], percent: int) -> Decimal:
    ordered = sorted(span.duration_ns for span in spans)
    return Decimal(ordered[-(-len(ordered) * percent // 100) - 1]).scaleb(-6)


def _breakdown(question: Question, spans: list[Span]) -> Rows:
    """By service and task type, in total or as a series of days."""
    paid = _paid(spans)
    series = question.parameters.get("interval") == "day"

    def bucket(span: Span) -> str:
        if not series:
            return ""
        midnight = span.start.astimezone(question.zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return midnight.astimezone(UTC).isoformat().replace("+00:00", "Z")

    groups = _by(lambda span: "\0".join((bucket(span), span.service, span.task)), paid)
    rows: Rows = []
    for key, group in groups.items():
        time, service, task = key.split("\0")
        share = (_cost(group) / (_cost(paid) or 1)).quantize(Decimal("1e-12"), ROUND_HALF_EVEN)
        unpriced = sum(span.source == "unpriced" for span in group)
        rows.append(
            {
                **({"time": time} if series else {}),
                "service": service,
                "task_type": task,
                "total_cost": _cost(group),
                "share": share,
                "operations_count": len(group),
                "unpriced_count": unpriced,
            }
        )
    names = ("time", "service", "task_type") if series else ("service", "task_type")
    rows.sort(key=lambda row: tuple(str(row[name]) for name in names))
    return rows if series else sorted(rows, key=lambda row: -Decimal(str(row["total_cost"])))


_REPORTS: dict[str, Callable[[Question, list[Span]], Rows]] = {
    "cost/users": _users,
    "cost/services": _services,
    "cost/prompts": _prompts,
    "cost/trend": _trend,
    "cost/breakdown": _breakdown,
    "performance/bottleneck": _bottleneck,
}


def shares(question: Question, spans: Iterable[Span]) -> tuple[Decimal, Decimal]:
    """Share of the records that are unpriced, and of the amount that the fallback made, as the headers say them."""
    paid = _paid(span for span in spans if question.covers(span))
    if question.path == "cost/prompts":
        paid = [span for span in paid if span.service == "openai"]
    with localcontext(prec=200):
        unpriced = Decimal(sum(span.source == "unpriced" for span in paid)) / (len(paid) or 1)
        fallback = _cost(span for span in paid if span.source == "fallback") / (_cost(paid) or 1)
        twelve = Decimal("1e-12")
        return unpriced.quantize(twelve, ROUND_HALF_EVEN), fallback.quantize(twelve, ROUND_HALF_EVEN)
