"""The page on the built-in price book, row by row with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from documentation.markdown import GENERATED, code, table
from spanledger.pricing import PriceBook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger.pricing import Price

__all__ = ["price_book_page"]

_INTRODUCTION = """\
Each row holds from its first UTC day until the next row of the same service, model and provider. Rows are only ever
added. Models that no row names are priced by the dated catalogue `genai-prices`, offline; what nothing prices is
`unpriced`, with the reason. Own rows (`SPANLEDGER_PRICES`) go before these."""
_HEADER = ("service", "model", "meter", "price", "from", "price_id", "source")


def price_book_page() -> str:
    """Every row, one line a meter."""
    lines = [line for row in PriceBook.built_in().rows() for line in _lines(row)]
    return f"{GENERATED}\n# Price book\n\n{_INTRODUCTION}\n\n{table(_HEADER, lines)}\n"


def _lines(row: Price) -> Iterator[tuple[str, ...]]:
    for meter, rate in row.rates.items():
        model = row.model or (f"any of {row.provider}" if row.provider else "")
        price = f"{rate.price} {row.currency} per {rate.per} {rate.unit.name}"
        day = row.effective_from.isoformat()
        yield (row.service, model, meter, price, day, code(row.price_id), f"[published]({row.source})")
