"""What a dimension's values are, for filters and variables of dashboards: GET /api/dimensions/{dimension}."""

from string import Template
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.filters import Where
from spanledger_api.grouping import Grouping
from spanledger_api.paging import Page, Paged
from spanledger_api.parameters import ReportFormat, TimeWindow
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import DURATION_RESPONSES
from spanledger_api.rows import ask, text
from spanledger_clickhouse.ledger import Ledger

__all__ = ["DimensionParameters", "DimensionValue", "read_values", "router"]

router = APIRouter(tags=["dimensions"])

_ALSO_OF_STEPS = {Grouping.USER, Grouping.TASK_TYPE, Grouping.STEP, Grouping.STATUS}


class DimensionValue(BaseModel):
    """One value."""

    value: str = Field(description="The value.", examples=["openai"])


class DimensionParameters(TimeWindow, Paged, frozen=True):
    """Parameters of the list of values."""

    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body.")


def read_values(ledger: Ledger, dimension: Grouping, where: Where, page: Page) -> list[DimensionValue]:
    """Distinct values by name; errors as of ``rows.ask``."""
    views = ("cost_records", "performance_records") if dimension in _ALSO_OF_STEPS else ("cost_records",)
    parts = [f"SELECT DISTINCT {dimension.dimension.sql} AS found FROM {view} WHERE $where" for view in views]  # noqa: S608 - every name is of an enumeration
    sql = Template(f"SELECT DISTINCT found FROM ({' UNION ALL '.join(parts)}) WHERE found != '' ORDER BY found")  # noqa: S608 - of the parts above
    return [DimensionValue(value=text(row, "found")) for row in ask(ledger, sql, where, page)]


@router.get(
    "/api/dimensions/{dimension}",
    summary="Values of a dimension",
    response_model=list[DimensionValue],
    responses=DURATION_RESPONSES,
)
def dimension_values(
    question: Asked,
    dimension: Annotated[Grouping, Path(description="The dimension.")],
    parameters: Annotated[DimensionParameters, Query()],
) -> Response:
    """Every value that the records in the window have for a dimension, by name; records that name none are left out."""
    where = parameters.where(question.now)
    return question.durations(
        columns_of(DimensionValue),
        parameters,
        lambda: read_values(question.ledger, dimension, where, parameters.page),
    )
