"""Cost by one or two dimensions, over time or in total: GET /api/analytics/cost/breakdown."""

from dataclasses import replace
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_api.amounts import Amount, share
from spanledger_api.filters import Where
from spanledger_api.grouping import (
    GROUPS_PATTERN,
    Grouping,
    Interval,
    bucket_sql,
    bucket_time,
    parse_groups,
    within_local,
)
from spanledger_api.paging import Paged
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, ReportRow
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import Row, amount, integer, text
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_clickhouse.ledger import Ledger

__all__ = ["OTHER", "BreakdownParameters", "BreakdownRow", "read_breakdown", "router"]

router = APIRouter(tags=["cost"])

OTHER = "(other)"
"""What the rest of the groups is called where only the most expensive ones were asked for."""

# The groups are added up first, and once: their places and the whole are taken from these few sums.
_SQL = Template("""
SELECT
    bucket, $is_rest AS is_rest, $shown, sum(placed.cost) AS cost, any(whole) AS whole_cost,
    sum(placed.records) AS records, sum(placed.unpriced) AS unpriced
FROM
(
    SELECT *, dense_rank() OVER (ORDER BY of_group DESC, $listed) AS place
    FROM
    (
        SELECT *, sum(grouped.cost) OVER () AS whole, sum(grouped.cost) OVER (PARTITION BY $listed) AS of_group
        FROM
        (
            SELECT
                $bucket AS bucket, $groups, sum(sums.cost) AS cost, sum(sums.records) AS records,
                sum(sums.unpriced) AS unpriced
            FROM $sums AS sums
            GROUP BY bucket, $listed
        ) AS grouped
    )
) AS placed
WHERE $kept
GROUP BY bucket, is_rest, $shown_names
ORDER BY $order
""")
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
        values = [text(row, f"shown_group_{number}") for number in range(len(groups))]
        return {"name": " / ".join(values)} if self.flat else dict(zip(groups, values, strict=True))


def read_breakdown(ledger: Ledger, where: Where, parameters: BreakdownParameters) -> list[ReportRow]:
    """Rows by time and name, or in total by descending cost with the rest last; errors as of ``rows.ask``."""
    groups = parse_groups(parameters.group_by)
    series = parameters.interval is not Interval.NONE
    bound: dict[str, object] = {"timezone": parameters.timezone} if series else {}
    if parameters.top_n is not None:
        bound["top_n"] = parameters.top_n
    columns = dict.fromkeys(column for group in groups for column in group.dimension.columns)
    sums = Sums(tuple(columns), (Measure.COST, Measure.RECORDS, Measure.UNPRICED))
    if series:
        sums = replace(sums, is_whole=within_local(parameters.interval, parameters.zone))
    rows = ask_sums(ledger, _sql(groups, parameters), where, sums, parameters.page, **bound)
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
    names = [f"group_{number}" for number in range(len(groups))]
    listed = ", ".join(names)
    is_rest = "0" if parameters.top_n is None else "place > {top_n:UInt32}"
    shown = [f"if(is_rest, '{OTHER}', placed.{name}) AS shown_{name}" for name in names]
    order = ["bucket", "is_rest"] if parameters.interval is not Interval.NONE else ["is_rest", "cost DESC"]
    return Template(
        _SQL.safe_substitute(
            bucket=bucket_sql(parameters.interval),
            groups=", ".join(f"{group.dimension.sql} AS {name}" for group, name in zip(groups, names, strict=True)),
            listed=listed,
            is_rest=is_rest,
            shown=", ".join(shown),
            kept="1" if parameters.other else "NOT is_rest",
            shown_names=", ".join(f"shown_{name}" for name in names),
            order=", ".join([*order, *(f"shown_{name}" for name in names)]),
        )
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
