"""The price book as data: GET /api/prices and GET /api/prices/history."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger.pricing import Price, PriceBook
from spanledger_api.amounts import Amount
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_csv, to_json
from spanledger_api.parameters import ReportFormat
from spanledger_api.problem import PROBLEM_RESPONSES

__all__ = ["PriceRow", "router"]

router = APIRouter(tags=["prices"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The prices, in order.", "content": {"text/csv": {"schema": {"type": "string"}}}},
    **PROBLEM_RESPONSES,
}


class PriceRow(BaseModel):
    """One rate of one dated row of the price book."""

    price_id: str = Field(description="The row, as in a record's `price_id`.", examples=["openai/gpt-4/2023-03-14"])
    service: str = Field(description="Who is paid.", examples=["openai"])
    model: str | None = Field(description="The model it prices; null prices the service whatever the model.")
    provider: str | None = Field(description="The only provider it holds for; null holds for all.")
    meter: str = Field(description="What is metered.", examples=["input_tokens"])
    price: Amount = Field(description="So much for every `per` units.")
    per: Amount = Field(description="How many units the price is for.")
    unit: str = Field(description="The unit.", examples=["tokens"])
    currency: str = Field(description="ISO 4217 code.")
    effective_from: str = Field(description="First UTC day of the price.", examples=["2023-03-14"])
    effective_to: str | None = Field(description="First UTC day on which the next row holds; null while none follows.")
    is_current: bool = Field(description="Whether it holds today.")
    source: str = Field(
        description="Address where the price can be read.", examples=["https://openai.com/api/pricing/"]
    )


class PriceListParameters(BaseModel, extra="forbid", frozen=True):
    """Parameters of the price list."""

    service: str | None = Field(None, description="This service only.", examples=["openai"])
    model: str | None = Field(None, description="This model only.", examples=["gpt-4"])
    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body.")


def read_prices(prices: Iterable[Price], today: date) -> list[PriceRow]:
    """Every rate of every row, each with the day on which it ends.

    Args:
        prices: Rows of one book; those of the same thing follow each other in time.
        today: The current UTC day.
    """
    rows: list[PriceRow] = []
    for _, dated in groupby(prices, key=lambda price: price.key):
        following = list(dated)
        ends = [price.effective_from for price in following[1:]]
        for price, end in zip(following, [*ends, None], strict=True):
            holds = price.effective_from <= today and (end is None or today < end)
            rows += _rates(price, end, holds=holds)
    return rows


def _rates(price: Price, end: date | None, *, holds: bool) -> list[PriceRow]:
    return [
        PriceRow(
            price_id=price.price_id,
            service=price.service,
            model=price.model,
            provider=price.provider,
            meter=meter,
            price=rate.price,
            per=rate.per,
            unit=rate.unit.name,
            currency=price.currency,
            effective_from=price.effective_from.isoformat(),
            effective_to=None if end is None else end.isoformat(),
            is_current=holds,
            source=price.source,
        )
        for meter, rate in price.rates.items()
    ]


def _asked(deployment: Deployed, parameters: PriceListParameters) -> list[PriceRow]:
    return read_prices(
        PriceBook.from_environment().rows(parameters.service, parameters.model), deployment.clock().date()
    )


def _answer(rows: list[PriceRow], parameters: PriceListParameters) -> Response:
    if parameters.format is ReportFormat.CSV:
        return Response(to_csv(tuple(PriceRow.model_fields), rows), media_type="text/csv; charset=utf-8")
    return Response(to_json(rows), media_type="application/json")


@router.get("/api/prices", summary="Prices of today", response_model=list[PriceRow], responses=_RESPONSES)
def prices(deployment: Deployed, parameters: Annotated[PriceListParameters, Query()]) -> Response:
    """What everything in the price book costs today, with where the price can be read.

    Models that the book does not list are priced from a dated catalogue of the providers' prices; they are not here.
    """
    return _answer([row for row in _asked(deployment, parameters) if row.is_current], parameters)


@router.get(
    "/api/prices/history", summary="Prices past and to come", response_model=list[PriceRow], responses=_RESPONSES
)
def price_history(deployment: Deployed, parameters: Annotated[PriceListParameters, Query()]) -> Response:
    """Every dated price, the earliest of each thing first; a row holds from `effective_from` until `effective_to`."""
    return _answer(_asked(deployment, parameters), parameters)
