"""The spans of one execution as a tree: GET /api/executions/{execution_id}/spans."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from string import Template
from typing import Annotated, cast

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from spanledger import attributes
from spanledger_api.amounts import Amount, Milliseconds, milliseconds
from spanledger_api.filters import Dimension, Where
from spanledger_api.paging import Paged
from spanledger_api.parameters import ReportFormat
from spanledger_api.problem import EXPIRED_RESPONSES, problem
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import DURATION_RESPONSES
from spanledger_api.rows import Row, amount, ask, integer, text
from spanledger_api.times import LAST, format_rfc3339
from spanledger_clickhouse.ledger import Ledger

__all__ = ["Span", "SpansParameters", "read_spans", "router"]

router = APIRouter(tags=["executions"])

_MOST = 20_000
_HOUR_NS = 3_600 * 1_000_000_000

# Spans are kept by day and trace, not by execution: its records say in which traces and when to look for them.
_TRACES = Template("""
SELECT
    groupUniqArray(1000)(trace) AS traces, min(begin_ns) AS first_ns, max(end_ns) AS last_ns
FROM
(
    SELECT lower(hex(trace_id)) AS trace, toUnixTimestamp64Nano(started_at) AS begin_ns,
        toInt64(least(toInt128(begin_ns) + duration_ns, 9223372036854775807)) AS end_ns
    FROM cost_records_local WHERE $where
    UNION ALL
    SELECT lower(hex(trace_id)) AS trace, toUnixTimestamp64Nano(started_at) AS begin_ns,
        toInt64(least(toInt128(begin_ns) + duration_ns, 9223372036854775807)) AS end_ns
    FROM performance_records_local WHERE $where
    UNION ALL
    SELECT
        lower(hex(trace_id)) AS trace, toUnixTimestamp64Nano(started_at) AS begin_ns,
        toUnixTimestamp64Nano(ifNull(completed_at, started_at)) AS end_ns
    FROM task_executions_local WHERE $where
)
""")
_SPANS = Template("""
SELECT
    TraceId AS trace_id, SpanId AS span_id, ParentSpanId AS parent_span_id, SpanName AS name, SpanKind AS kind,
    ServiceName AS engine, toUnixTimestamp64Nano(Timestamp) AS started_ns,
    if(Duration > 9223372036854775807, 0, Duration) AS duration_ns, StatusCode AS status, StatusMessage AS error,
    SpanAttributes AS attributes
FROM otel_traces
WHERE TraceId IN {traces:Array(String)} AND $where
    AND Timestamp >= fromUnixTimestamp64Nano({first_ns:Int64}) AND Timestamp <= fromUnixTimestamp64Nano({last_ns:Int64})
ORDER BY started_ns, trace_id, span_id
LIMIT 1 BY trace_id, span_id
LIMIT {most:UInt32}
""")
_COSTS = Template("""
SELECT trace_id, span_id, service, operation, total_cost FROM cost_records WHERE $where
""")


class Span(BaseModel):
    """One span of an execution, as the rows of a waterfall need it."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = Field(description="Null for a root, or where the parent is not among the spans.")
    depth: int = Field(description="How many of the spans lie above it; 0 for a root.")
    name: str = Field(examples=["chat gpt-4"])
    kind: str = Field(description="`Internal`, `Client`, `Server`, `Producer` or `Consumer`.", examples=["Client"])
    engine: str = Field(description="`service.name` of the process that sent it.")
    started_at: str = Field(description="RFC 3339.")
    offset: Milliseconds = Field(description="Milliseconds from the start of the first span to the start of this one.")
    duration: Milliseconds = Field(description="How long it took in milliseconds.")
    status: str = Field(description="`Unset`, `Ok` or `Error`.", examples=["Ok"])
    error: str | None = Field(description="What the span says of its failure; null without.")
    step_name: str | None = Field(description="The step it is, or is part of.")
    service: str | None = Field(description="Who was paid; null for spans that paid for nothing.")
    operation: str | None = Field(description="What was paid for.")
    total_cost: Amount | None = Field(description="What it cost; null for spans that paid for nothing.")
    attributes: dict[str, str] = Field(description="All attributes as they arrived.")


class SpansParameters(Paged, extra="forbid", frozen=True):
    """Parameters of the span tree."""

    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body; CSV leaves the attributes out.")


def read_spans(ledger: Ledger, execution_id: str) -> list[Span]:
    """Every span of an execution once, parents before their children, siblings by start; errors as of ``rows.ask``.

    At most 20,000 of them, the earliest, and only as long as spans are kept; records are kept longer.
    """
    where = _of(execution_id)
    (found,) = ask(ledger, _TRACES, where)
    traces = found["traces"]
    if not traces:
        return []
    of_execution = Where(
        ("SpanAttributes[{attribute:String}] IN ('', {execution_id:String})",),
        {"attribute": attributes.EXECUTION_ID, "execution_id": execution_id},
    )
    rows = ask(
        ledger,
        _SPANS,
        of_execution,
        traces=traces,
        most=_MOST,
        first_ns=max(0, integer(found, "first_ns") - _HOUR_NS),
        last_ns=min(LAST, integer(found, "last_ns") + _HOUR_NS),
    )
    paid = {(text(row, "trace_id"), text(row, "span_id")): row for row in ask(ledger, _COSTS, where)}
    first = min((integer(row, "started_ns") for row in rows), default=0)
    return [_span(row, parent, depth, first, paid) for row, parent, depth in _depth_first(rows)]


def _of(execution_id: str) -> Where:
    return Where(("execution_id != ''",)).equal(Dimension.EXECUTION_ID, execution_id)


def _depth_first(rows: Sequence[Row]) -> Iterator[tuple[Row, str | None, int]]:
    """Each row with its parent among the rows and its depth; whatever is its own ancestor counts as a root."""
    known = {(row["trace_id"], row["span_id"]) for row in rows}
    children: defaultdict[object, list[Row]] = defaultdict(list)
    for row in rows:
        parent = (row["trace_id"], row["parent_span_id"])
        children[parent if parent in known else None].append(row)
    seen: set[object] = set()
    for root in [*children[None], *rows]:
        waiting = [(root, 0)]
        while waiting:
            row, depth = waiting.pop()
            key = (row["trace_id"], row["span_id"])
            if key in seen:
                continue
            seen.add(key)
            yield row, text(row, "parent_span_id") if depth else None, depth
            waiting += [(child, depth + 1) for child in reversed(children[key])]


def _span(row: Row, parent: str | None, depth: int, first_ns: int, paid: Mapping[tuple[str, str], Row]) -> Span:
    cost = paid.get((text(row, "trace_id"), text(row, "span_id")))
    started = integer(row, "started_ns")
    said = cast("dict[str, str]", row["attributes"])
    return Span(
        trace_id=text(row, "trace_id"),
        span_id=text(row, "span_id"),
        parent_span_id=parent,
        depth=depth,
        name=text(row, "name"),
        kind=text(row, "kind"),
        engine=text(row, "engine"),
        started_at=format_rfc3339(started),
        offset=milliseconds(started - first_ns),
        duration=milliseconds(integer(row, "duration_ns")),
        status=text(row, "status"),
        error=text(row, "error") or None,
        step_name=said.get(attributes.STEP_NAME),
        service=text(cost, "service") if cost else None,
        operation=text(cost, "operation") if cost else None,
        total_cost=amount(cost, "total_cost") if cost else None,
        attributes=said,
    )


@router.get(
    "/api/executions/{execution_id:path}/spans",  # an id may hold slashes
    summary="The spans of one execution",
    response_model=list[Span],
    responses={**EXPIRED_RESPONSES, **DURATION_RESPONSES},
)
def spans(
    question: Asked,
    execution_id: Annotated[str, Path(description="The execution's id.", min_length=1)],
    parameters: Annotated[SpansParameters, Query()],
) -> Response:
    """The spans of a task execution as a tree in depth-first order: each after its parent, siblings by start.

    A span that was delivered more than once is there once. Spans are kept for 30 days unless told otherwise, the
    records made of them longer: an execution whose spans have expired is answered with 410, one that nothing names with
    404.
    """
    found = read_spans(question.ledger, execution_id)
    if not found and ask(question.ledger, _TRACES, _of(execution_id))[0]["traces"]:
        detail = f"The spans of the execution {execution_id!r} have expired; its records are kept."
        return problem(HTTPStatus.GONE, "expired-spans", detail)
    if not found:
        detail = f"No record names the execution {execution_id!r}."
        return problem(HTTPStatus.NOT_FOUND, "unknown-execution", detail)
    columns = [name for name in columns_of(Span) if name != "attributes"]
    return question.open_durations(columns, parameters, lambda: parameters.page.cut(found))
