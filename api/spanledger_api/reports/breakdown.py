"""Cost by one or two dimensions, over time or in total: GET /api/analytics/cost/breakdown."""

from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_api.amounts import Amount, share
from spanledger_api.filters import Where
from spanledger_api.grouping import GROUPS_PATTERN, Grouping, Interval, bucket_sql, bucket_time, parse_groups
from spanledger_api.paging import Paged
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, ReportRow
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import Row, amount, ask, integer, text
from spanledger_clickhouse.ledger import Ledger

__all__ = ["OTHER", "BreakdownParameters", "BreakdownRow", "read_breakdown", "router"]

router = APIRouter(tags=["cost"])

OTHER = "(other)"
"""What the rest of the groups is called where only the most expensive ones were asked for."""

_MEASURES = ("total_cost", "share", "operations_count", "unpriced_count")


class BreakdownRow(BaseModel):
    """What one group cost in one stretch of time; only what was grouped by is there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"service": "openai", "total_cost": 45.67, "share": 0.66, "operations_count": 567, "unpriced_count": 1}
            ]
        }
    )

    time: str | None = Field(None, description="First instant of the stretch; absent without `interval`.")
    user: str | None = Field(None, description="Empty: records that name none. So it is with every other dimension.")
    service: str | None = None
    operation: str | None = None
    model: str | None = None
    task_type: str | None = None
    step: str | None = None
    prompt: str | None = Field(None, description="Category and name of the prompt.", examples=["video/title"])
    source: str | None = None
    status: str | None = None
    name: str | None = Field(None, description="With `flat`: all of these, with ` / ` between them.")
    total_cost: Amount = Field(description="Exact sum of the group's records in that time.")
    share: Amount = Field(description="Share (0 to 1) of the cost of the whole window, half-even at 12 places.")
    operations_count: int = Field(description="Number of the records.", examples=[42])
    unpriced_count: int = Field(description="How many of them nothing could price; they add 0.")


class BreakdownParameters(DetailFilters, Paged, frozen=True):
    """Parameters of the breakdown."""

    group_by: str = Field(
        "service",
        alias="groupBy",
        pattern=GROUPS_PATTERN,
        description="One dimension, or two with a comma between them: " + ", ".join(f"`{each}`" for each in Grouping),
        examples=["service,user"],
    )
    interval: Interval = Field(Interval.NONE, description="What one point covers; `none` gives totals.")
    top_n: int | None = Field(
        None, alias="topN", ge=1, le=1000, description="Only so many groups, the most expensive of the whole window."
    )
    other: bool = Field(default=True, description=f"Whether the groups beyond `topN` are added up as `{OTHER}`.")
    flat: bool = Field(
        default=False,
        description="Whether a group is one column, `name`, whatever it is grouped by: for dashboards that let readers "
        "choose.",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the rows."""
        times = () if self.interval is Interval.NONE else ("time",)
        return (*times, *(("name",) if self.flat else parse_groups(self.group_by)), *_MEASURES)

    def named(self, row: Row) -> dict[str, str]:
        """The columns that say which group a row of the query is of."""
        groups = parse_groups(self.group_by)
        values = [text(row, f"group_{number}") for number in range(len(groups))]
        return {"name": " / ".join(values)} if self.flat else dict(zip(groups, values, strict=True))


def read_breakdown(ledger: Ledger, where: Where, parameters: BreakdownParameters) -> list[ReportRow]:
    """Rows by time and name, or in total by descending cost with the rest last; errors as of ``rows.ask``."""
    groups = parse_groups(parameters.group_by)
    series = parameters.interval is not Interval.NONE
    bound: dict[str, object] = {"timezone": parameters.timezone} if series else {}
    if parameters.top_n is not None:
        bound["top_n"] = parameters.top_n
    rows = ask(ledger, _sql(groups, parameters), where, parameters.page, **bound)
    return [
        {
            **({"time": bucket_time(row, "bucket", parameters.zone)} if series else {}),
            **parameters.named(row),
            "total_cost": amount(row, "cost"),
            "share": share(amount(row, "cost"), amount(row, "whole_cost")),
            "operations_count": integer(row, "records"),
            "unpriced_count": integer(row, "unpriced"),
        }
        for row in rows
    ]


def _sql(groups: tuple[Grouping, ...], parameters: BreakdownParameters) -> Template:
    """The query; every name in it is of an enumeration, every value is bound."""
    keys = [group.dimension.sql for group in groups]
    names = [f"group_{number}" for number in range(len(groups))]
    top, listed = "1", ", ".join(keys)
    if parameters.top_n is not None:
        top = (
            f"({listed}) IN (SELECT {listed} FROM cost_records WHERE $where GROUP BY {listed}"  # noqa: S608 - as below
            f" ORDER BY sum(toDecimal256(total_cost, 12)) DESC, {listed} LIMIT {{top_n:UInt32}})"
        )
    selected = [f"if({top}, {key}, '{OTHER}') AS {name}" for key, name in zip(keys, names, strict=True)]
    kept = "" if parameters.other else f" AND {top}"
    order = ["bucket", "is_rest"] if parameters.interval is not Interval.NONE else ["is_rest", "cost DESC"]
    sums = "sum(toDecimal256(total_cost, 12))"
    return Template(
        f"""
        WITH (SELECT {sums} FROM cost_records WHERE $where) AS whole
        SELECT
            {bucket_sql(parameters.interval)} AS bucket, NOT ({top}) AS is_rest, {", ".join(selected)}, {sums} AS cost,
            any(ifNull(whole, 0)) AS whole_cost, count() AS records, countIf(source = 'unpriced') AS unpriced
        FROM cost_records
        WHERE $where{kept}
        GROUP BY bucket, is_rest, {", ".join(names)}
        ORDER BY {", ".join([*order, *names])}
        """  # noqa: S608 - every name is of an enumeration
    )


@router.get(
    "/api/analytics/cost/breakdown",
    summary="Cost by dimensions and time",
    response_model=list[BreakdownRow],
    response_model_exclude_unset=True,
    responses=AMOUNT_RESPONSES,
)
def breakdown(question: Asked, parameters: Annotated[BreakdownParameters, Query()]) -> Response:
    """Cost by one or two dimensions: in total, the most expensive group first, or as a series, ascending by time.

    A row has a text for each dimension and numbers for the rest, so that dashboards and alert rules can take it as it
    is. A stretch of time in which a group has no records has no row for it.
    """
    where = parameters.where(question.now)
    return question.amounts(
        parameters.columns, parameters, where, lambda: read_breakdown(question.ledger, where, parameters)
    )
