"""The reports that ``spanledger report`` prints: their paths in the API and the parameters that become options."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANALYSES", "PARAMETER_HELP", "REPORTS", "ReportCommand"]

_WINDOW = ("period", "from", "to", "timezone")
_FILTERS = ("userId", "taskType", "executionId", "currency", "asOf")
_RECORD = ("service", "operation", "model", "step", "prompt", "source")
_DETAILS = (*_RECORD, "status", *_FILTERS)
_PAGE = ("limit", "offset")


@dataclass(frozen=True, slots=True)
class ReportCommand:
    """One subcommand.

    Attributes:
        path: Path of the report in the API.
        title: What it shows, for people.
        parameters: Query parameters of the API that it takes as options, besides the form.
        csv: Whether the report exists as CSV.
        required: The one of the parameters that the API asks for; None if it has a default for each.
    """

    path: str
    title: str
    parameters: tuple[str, ...]
    csv: bool = True
    required: str | None = None


REPORTS = {
    "users": ReportCommand("/api/analytics/cost/users", "Cost of each user", (*_WINDOW, "topN", *_DETAILS)),
    "services": ReportCommand("/api/analytics/cost/services", "Cost of each service", (*_WINDOW, *_DETAILS, *_PAGE)),
    "trend": ReportCommand("/api/analytics/cost/trend", "Cost over time", (*_WINDOW, "days", *_DETAILS)),
    "prompts": ReportCommand("/api/analytics/cost/prompts", "Cost of each prompt", (*_WINDOW, *_DETAILS, *_PAGE)),
    "bottleneck": ReportCommand(
        "/api/analytics/performance/bottleneck",
        "Slow steps of a task",
        (*_WINDOW, "taskType", "userId", "executionId", *_PAGE),
        required="taskType",
    ),
    "recommendations": ReportCommand(
        "/api/analytics/recommendations",
        "Advice on reducing cost",
        (*_WINDOW, "currency", "includeDismissed", "asOf"),
        csv=False,
    ),
}
"""The reports on the whole of cost and time, by the names of their subcommands."""

ANALYSES = {
    "breakdown": ReportCommand(
        "/api/analytics/cost/breakdown",
        "Cost by dimensions and time",
        (*_WINDOW, *_DETAILS, "groupBy", "interval", "topN", "other", "flat", *_PAGE),
    ),
    "operations": ReportCommand(
        "/api/analytics/cost/operations",
        "The most expensive single operations",
        (*_WINDOW, *_DETAILS, "above", *_PAGE),
    ),
    "movers": ReportCommand(
        "/api/analytics/cost/movers", "Changes against the time before", (*_WINDOW, *_DETAILS, "groupBy", *_PAGE)
    ),
    "forecast": ReportCommand(
        "/api/analytics/cost/forecast",
        "Forecast to the end of the month",
        ("days", "timezone", "userId", "taskType", "currency", "asOf", *_RECORD, "status"),
    ),
    "failures": ReportCommand("/api/analytics/cost/failures", "Cost of failures", (*_WINDOW, *_DETAILS, *_PAGE)),
    "unit-economics": ReportCommand(
        "/api/analytics/cost/unit-economics", "Cost of one unit", (*_WINDOW, *_DETAILS, *_PAGE)
    ),
    "usage": ReportCommand("/api/analytics/usage", "Usage totals", (*_WINDOW, *_DETAILS)),
    "unpriced": ReportCommand("/api/analytics/cost/unpriced", "Usage without a price", (*_WINDOW, *_DETAILS, *_PAGE)),
    "fallback": ReportCommand(
        "/api/analytics/cost/fallback", "Usage at the fallback price", (*_WINDOW, *_DETAILS, *_PAGE)
    ),
    "latency": ReportCommand(
        "/api/analytics/performance/latency",
        "Latency of steps and services",
        (*_WINDOW, "by", "interval", "taskType", "userId", *_RECORD, "status", *_PAGE),
    ),
    "critical-path": ReportCommand(
        "/api/analytics/performance/critical-path",
        "Share of each step in its task's time",
        (*_WINDOW, "taskType", "userId", *_PAGE),
    ),
    "cost-latency": ReportCommand(
        "/api/analytics/performance/cost-latency", "Cost and latency of each step", (*_WINDOW, *_FILTERS, *_PAGE)
    ),
    "executions": ReportCommand(
        "/api/executions", "Task executions", (*_WINDOW, *_RECORD, "status", "userId", "taskType", "sort", *_PAGE)
    ),
}
"""The reports that look closer, by the names of their subcommands."""

PARAMETER_HELP = {
    "asOf": "Amounts as the ledger knew them then, RFC 3339.",
    "above": "Only operations that cost more than this.",
    "by": "What is timed: step, service or operation.",
    "currency": "ISO 4217 code of the amounts.",
    "days": "How many calendar days.",
    "executionId": "This task execution only.",
    "flat": "true puts a group into one column.",
    "from": "First instant covered, RFC 3339.",
    "groupBy": "user, service, operation, model, task_type, step, prompt, source or status; a breakdown takes two.",
    "includeDismissed": "true shows dismissed advice too.",
    "interval": "hour, day, week, month or none.",
    "limit": "How many rows at most.",
    "model": "This model only.",
    "offset": "How many rows to pass over.",
    "operation": "This operation only.",
    "other": "false leaves out what is not among the top.",
    "period": "daily, weekly, monthly or yearly.",
    "prompt": "This prompt only, as category/name.",
    "service": "This service only.",
    "sort": "started, cost or duration.",
    "source": "provider, price_book, fallback or unpriced.",
    "status": "success or failed calls; running, completed or failed executions.",
    "step": "This step only.",
    "taskType": "This kind of task only.",
    "timezone": "IANA time zone of the calendar.",
    "to": "First instant no longer covered, RFC 3339.",
    "topN": "How many at most, the most expensive first.",
    "userId": "This user only.",
}
"""What each parameter is, for people; the API refuses what is missing or malformed."""
