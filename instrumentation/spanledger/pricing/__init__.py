"""The price book and the one calculator: what was used in, what it costs and why out."""

from __future__ import annotations

from spanledger.pricing.charge import Charge, CostSource
from spanledger.pricing.usage import Usage

__all__ = ["Charge", "CostSource", "Usage"]
