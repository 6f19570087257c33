"""The price book and the one calculator: what was used in, what it costs and why out."""

from __future__ import annotations

from spanledger.pricing.book import PriceBook
from spanledger.pricing.calculator import Calculator
from spanledger.pricing.charge import Charge, CostSource
from spanledger.pricing.price import Price
from spanledger.pricing.usage import Usage

__all__ = ["Calculator", "Charge", "CostSource", "Price", "PriceBook", "Usage"]
