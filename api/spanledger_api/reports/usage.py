"""How much was used: GET /api/analytics/usage."""

from collections import defaultdict
from decimal import Decimal
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import PLACES, Amount, exact_arithmetic
from spanledger_api.filters import Where
from spanledger_api.parameters import DetailFilters
from spanledger_api.quantities import Medium, read_quantities
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, ask, integer
from spanledger_clickhouse.ledger import Ledger

__all__ = ["UsageTotal", "read_usage", "router"]

router = APIRouter(tags=["cost"])

_MINUTE = Decimal(60)
_GB = Decimal(1024**3)
_SHOWN = {"bytes": ("GB", _GB), "seconds": ("minutes", _MINUTE)}

# What a call's tokens are made of, where its record says so.
_TOKENS = Template("""
SELECT
    sum(toDecimal256OrZero(metadata['prompt_tokens'], 0)) AS input_tokens,
    countIf(metadata['prompt_tokens'] != '') AS input_records,
    sum(toDecimal256OrZero(metadata['completion_tokens'], 0)) AS output_tokens,
    countIf(metadata['completion_tokens'] != '') AS output_records,
    sum(toDecimal256OrZero(metadata['cached_tokens'], 0)) AS cached_tokens,
    countIf(metadata['cached_tokens'] != '') AS cached_records,
    count() AS records
FROM cost_records
WHERE $where
""")


class UsageTotal(BaseModel):
    """How much was used of one kind."""

    meter: str = Field(
        description="`requests`, `tokens`, `input_tokens`, `output_tokens`, `cached_tokens`, `audio_minutes`, "
        "`video_minutes`, `minutes`, `GB`, or the unit as stated where the price book does not know it.",
        examples=["input_tokens"],
    )
    quantity: Amount = Field(description="How much, half-even at 12 places.")
    operations_count: int = Field(description="Number of the records that say so.")


def read_usage(ledger: Ledger, where: Where) -> list[UsageTotal]:
    """Totals by name of the meter; errors as of ``rows.ask``.

    Input, output and cached tokens are parts of ``tokens``, of those records that tell them apart.
    """
    quantities: defaultdict[str, Decimal] = defaultdict(Decimal)
    records: defaultdict[str, int] = defaultdict(int)
    with exact_arithmetic():
        for used in read_quantities(ledger, where):
            name, size = _SHOWN.get(used.base, (used.base, Decimal(1)))
            meter = f"{used.medium}_{name}" if name == "minutes" and used.medium is not Medium.TIME else name
            if meter:
                quantities[meter] += used.quantity / size
                records[meter] += used.records
        (row,) = ask(ledger, _TOKENS, where)
        for part in ("input", "output", "cached"):
            if count := integer(row, f"{part}_records"):
                quantities[f"{part}_tokens"] = amount(row, f"{part}_tokens")
                records[f"{part}_tokens"] = count
        # A record is one call, whatever its unit; where the unit is requests, the quantity says more.
        quantities["requests"] += integer(row, "records") - records["requests"]
        records["requests"] = integer(row, "records")
        return [
            UsageTotal(meter=meter, quantity=quantities[meter].quantize(PLACES), operations_count=records[meter])
            for meter in sorted(quantities)
        ]


@router.get("/api/analytics/usage", summary="Usage totals", response_model=list[UsageTotal], responses=AMOUNT_RESPONSES)
def usage(question: Asked, parameters: Annotated[DetailFilters, Query()]) -> Response:
    """Tokens, minutes of audio and video, GB (1,024³ bytes) and requests that were used in the window."""
    where = parameters.where(question.now)
    return question.amounts(columns_of(UsageTotal), parameters, where, lambda: read_usage(question.ledger, where))
