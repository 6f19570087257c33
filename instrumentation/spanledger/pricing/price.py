"""One dated row of the price book."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spanledger.pricing.tariff import Tariff

if TYPE_CHECKING:
    from datetime import date

__all__ = ["Price", "PriceKey"]

PriceKey = tuple[str, str | None, str | None]
"""Service, model and provider that a price is for, in lower case; None where the row does not say."""


@dataclass(frozen=True, slots=True)
class Price(Tariff):
    """A tariff that holds for one service, model and provider from a day on.

    Attributes:
        service: Who is paid, as in ``cost.service``.
        model: The model it prices; None prices the service whatever the model.
        provider: The only provider it holds for; None holds for all.
        effective_from: First UTC day on which it holds.
        source: Address where the price can be read.
        default: Whether it also prices usage of the service that states no model.
        fallback: Whether it also prices models of the service that nothing else prices.
    """

    service: str
    model: str | None
    provider: str | None
    effective_from: date
    source: str
    default: bool
    fallback: bool

    @property
    def key(self) -> PriceKey:
        """What the row prices; rows of the same key follow each other in time."""
        return (self.service, self.model, self.provider)
