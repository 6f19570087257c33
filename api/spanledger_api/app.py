"""The HTTP API as one ASGI app."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware

from spanledger.pricing import Calculator, PriceBook
from spanledger.version import __version__
from spanledger_api import (
    adjustments,
    data_health,
    dimension_values,
    execution_list,
    executions,
    exports,
    freshness,
    health,
    price_list,
    recommendations,
    reports,
    spans,
)
from spanledger_api.access.installation import install_access
from spanledger_api.alerts.installation import install_alerts
from spanledger_api.dashboard import install_dashboard
from spanledger_api.deployment import Deployment
from spanledger_api.documentation import install_documentation
from spanledger_api.examples import install_examples
from spanledger_api.head_requests import HeadMiddleware
from spanledger_api.messages import Locale, default_locale
from spanledger_api.metrics import Metrics, MetricsMiddleware
from spanledger_api.parameters import refuse_repeats
from spanledger_api.problem import install_problem_handlers
from spanledger_api.request_ids import RequestIdMiddleware
from spanledger_api.rollup_work import ROLLUP_COUNTS
from spanledger_api.security import SecurityHeadersMiddleware
from spanledger_api.slow_questions import SlowQuestions, refuse_slow
from spanledger_clickhouse.bounded_ledger import BoundedLedger
from spanledger_clickhouse.query_slots import QuerySlots
from spanledger_clickhouse.shared_answers import SharedAnswers

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_api.access.gate import Gate
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["create_app"]

_DESCRIPTION = """
What AI and media workloads cost and how long they take.

A report covers the spans that *started* in its window. Amounts are JSON numbers with every digit, of one `currency`;
durations are milliseconds. A filter that is `*` selects nothing out. A report's body is a bare list; how fresh it is
and what share of it is not priced by a price of its own travels in `Spanledger-*` headers. Errors are
`application/problem+json` (RFC 9457).
"""


_WORTH_COMPRESSING_BYTES = 2048  # a smaller body fits into one or two packets either way
_GZIP_LEVEL = 5  # nearly as small as 9 in half the time


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    ledger: Ledger,
    *,
    clock: Callable[[], datetime] = _utc_now,
    locale: Locale | None = None,
    gate: Gate | None = None,
) -> FastAPI:
    """The API over one ledger.

    Args:
        ledger: What the reports read. The caller keeps it open while the app serves, and closes it.
        clock: The current time, aware; it decides which calendar period is the current one.
        locale: Language of messages where a request asks for none; None takes ``SPANLEDGER_LOCALE``, else English.
        gate: Decides who may ask; None lets everybody do everything, whoever they are.

    Raises:
        ConfigurationError: ``SPANLEDGER_LOCALE`` names a language there is not, ``SPANLEDGER_PRICES`` no file, or
            alerts are set up in a way that cannot be used.
        PriceBookError: That file has a row that is not valid.
    """
    app = FastAPI(
        title="Spanledger",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # the framework's own page loads its viewer from another host
        redoc_url=None,
        dependencies=[Depends(refuse_repeats), Depends(refuse_slow)],
        # The framework would emit spans of its own once the process has a tracer; served beside the collector, the
        # ledger would then fill with its own reports.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    metrics = Metrics()
    bounded = BoundedLedger(ledger, SharedAnswers(QuerySlots().taken))
    app.state.deployment = Deployment(
        bounded, clock, locale or default_locale(), Calculator(PriceBook.from_environment())
    )
    app.state.metrics = metrics
    app.state.slow_questions = SlowQuestions()
    app.state.export_slots = QuerySlots(running=2, waiting=2)
    app.state.gate = gate
    app.add_middleware(GZipMiddleware, minimum_size=_WORTH_COMPRESSING_BYTES, compresslevel=_GZIP_LEVEL)
    metrics.include(ROLLUP_COUNTS)
    install_access(app, ledger, gate, metrics)
    install_alerts(app, ledger, metrics)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(RequestIdMiddleware)
    install_problem_handlers(app)
    install_documentation(app)
    install_examples(app)
    for router in (
        *(reports.router, recommendations.router, dimension_values.router, adjustments.router),
        exports.router,
        *(execution_list.router, spans.router, executions.router),  # the most special path first
        *(data_health.router, health.router, freshness.router, price_list.router),
    ):
        app.include_router(router)
    install_dashboard(app)
    return app
