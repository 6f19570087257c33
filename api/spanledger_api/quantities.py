"""What was used, added up by service, model and unit, in the base units of the price book."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger.pricing.units import find_unit
from spanledger_api.amounts import exact_arithmetic
from spanledger_api.rows import amount, integer, text
from spanledger_api.sums import Measure, Sums, ask_sums

if TYPE_CHECKING:
    from decimal import Decimal

    from spanledger_api.filters import Where
    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Medium", "Used", "read_quantities"]

_SQL: Final = Template("""
SELECT
    service, model, unit, sum(sums.quantity) AS used, sum(sums.cost) AS cost, sum(sums.records) AS records
FROM $sums AS sums
GROUP BY service, model, unit
ORDER BY service, model, unit
""")
_SUMS: Final = Sums(("service", "model", "unit"), (Measure.QUANTITY, Measure.COST, Measure.RECORDS))


class Medium(StrEnum):
    """What a duration that was paid for is a duration of."""

    AUDIO = "audio"
    VIDEO = "video"
    TIME = "time"
    """Neither of the two, or not known."""


_MEDIA: Final = {"whisper": Medium.AUDIO, "google_video_ai": Medium.VIDEO, "cloudflare_stream": Medium.VIDEO}


@dataclass(frozen=True, slots=True)
class Used:
    """What was used of one service and model in one unit.

    Attributes:
        service: Who was paid.
        model: The model; empty where there is none.
        base: The base unit of the quantity (``tokens``, ``seconds``, ``bytes`` …); the unit as stated if the price book
            does not know it.
        quantity: How much, in the base unit.
        cost: What it cost, in the report's currency.
        records: Number of the records.
    """

    service: str
    model: str
    base: str
    quantity: Decimal
    cost: Decimal
    records: int

    @property
    def medium(self) -> Medium:
        """What its seconds are seconds of."""
        return _MEDIA.get(self.service, Medium.TIME)


def read_quantities(ledger: Ledger, where: Where) -> list[Used]:
    """Everything that was used, by service, model and unit; raises as :func:`spanledger_api.rows.ask`."""
    with exact_arithmetic():
        return [_used(row) for row in ask_sums(ledger, _SQL, where, _SUMS)]


def _used(row: Row) -> Used:
    stated = text(row, "unit")
    unit = find_unit(stated)
    return Used(
        service=text(row, "service"),
        model=text(row, "model"),
        base=unit.base if unit else stated,
        quantity=amount(row, "used") * (unit.factor if unit else 1),
        cost=amount(row, "cost"),
        records=integer(row, "records"),
    )
