"""Price rows read from TOML and checked field by field; ``rates/openai.toml`` explains the format."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, NoReturn, TypeGuard
from urllib.parse import urlsplit

from spanledger.exceptions import PriceBookError
from spanledger.pricing.meters import METERS
from spanledger.pricing.price import Price
from spanledger.pricing.tariff import Rate
from spanledger.pricing.units import UNITS, Unit, find_unit

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_rate_file"]

_REQUIRED: Final = ("id", "service", "effective_from", "source", "shown_in", "meters")
_OPTIONAL: Final = ("model", "provider", "currency", "default", "fallback")
_RATE_FIELDS: Final = ("price", "per", "unit")
_SMALLEST: Final = Decimal("1E-18")
_LARGEST: Final = Decimal("1E+18")
_ROW_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*price[ \t]*\]\]", re.MULTILINE)


def read_rate_file(path: Path) -> list[Price]:
    """Read every price row of a TOML file, in the file's order.

    Raises:
        PriceBookError: The file cannot be read or a row is incomplete or malformed; the message names the file, the
            line where it is known, the row and the field.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document: Mapping[str, object] = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: {error}"
        raise PriceBookError(message) from error
    rows = document.get("price")
    if not _is_list(rows) or document.keys() != {"price"}:
        message = f"{path}: a price file holds [[price]] tables and nothing else"
        raise PriceBookError(message)
    lines = [text.count("\n", 0, header.start()) + 1 for header in _ROW_HEADER.finditer(text)]
    places = [f"{path}:{line}" for line in lines] if len(lines) == len(rows) else [str(path)] * len(rows)
    return [_RowReader(place, row).price() for place, row in zip(places, rows, strict=True)]


class _RowReader:
    """Reads the fields of one row; each complaint names file, row and field."""

    def __init__(self, place: str, row: object) -> None:
        self._place = place
        if not _is_table(row):
            self._refuse("price", "must be a table")
        self._row = row

    def price(self) -> Price:
        """The row as a price."""
        self._require_fields(self._row, _REQUIRED, _OPTIONAL, "")
        effective_from = self._effective_from()
        shown_in = self._unit("shown_in", self._row["shown_in"])
        return Price(
            price_id=self._price_id(effective_from),
            shown_in=shown_in,
            rates=self._rates(shown_in),
            currency=self._currency(),
            service=self._name("service"),
            model=self._name("model") if "model" in self._row else None,
            provider=self._name("provider") if "provider" in self._row else None,
            effective_from=effective_from,
            source=self._source(),
            default=self._flag("default"),
            fallback=self._flag("fallback"),
        )

    def _refuse(self, field: str, complaint: str) -> NoReturn:
        row = getattr(self, "_row", {}).get("id", "without id")
        message = f"{self._place}: price row {row}: {field} {complaint}"
        raise PriceBookError(message)

    def _require_fields(
        self, table: Mapping[str, object], required: tuple[str, ...], optional: tuple[str, ...], prefix: str
    ) -> None:
        for field in required:
            if field not in table:
                self._refuse(prefix + field, "is missing")
        for field in table:
            if field not in required and field not in optional:
                self._refuse(prefix + field, f"is no field; known are {', '.join((*required, *optional))}")

    def _text(self, field: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip() or value != value.strip():
            self._refuse(field, f"must be a string without surrounding blanks, not {value!r}")
        return value

    def _name(self, field: str) -> str:
        name = self._text(field, self._row[field])
        if name != name.lower():
            self._refuse(field, f"must be in lower case, as names are compared: {name.lower()!r}")
        return name

    def _price_id(self, effective_from: date) -> str:
        price_id = self._text("id", self._row["id"])
        if not price_id.endswith(f"/{effective_from}"):
            self._refuse("id", f"must end in /{effective_from}, the day the price took effect")
        return price_id

    def _effective_from(self) -> date:
        value = self._row["effective_from"]
        if not isinstance(value, date) or isinstance(value, datetime):
            self._refuse("effective_from", f"must be a date such as 2023-03-14, unquoted, not {value!r}")
        return value

    def _source(self) -> str:
        source = self._text("source", self._row["source"])
        address = urlsplit(source)
        if address.scheme not in {"http", "https"} or not address.hostname:
            self._refuse("source", f"must be an http or https address, not {source!r}")
        return source

    def _currency(self) -> str:
        currency = self._text("currency", self._row.get("currency", "USD"))
        if not re.fullmatch("[A-Z]{3}", currency):
            self._refuse("currency", f"must be an ISO 4217 code such as USD, not {currency!r}")
        return currency

    def _flag(self, field: str) -> bool:
        value = self._row.get(field, False)
        if not isinstance(value, bool):
            self._refuse(field, f"must be true or false, not {value!r}")
        if value and "model" not in self._row:
            self._refuse(field, "needs a model: a row without one prices every model of the service anyway")
        return value

    def _unit(self, field: str, value: object) -> Unit:
        unit = find_unit(self._text(field, value))
        if unit is None:
            self._refuse(field, f"is the unknown unit {value!r}; known are {', '.join(unit.name for unit in UNITS)}")
        return unit

    def _rates(self, shown_in: Unit) -> dict[str, Rate]:
        meters = self._row["meters"]
        if not _is_table(meters) or not meters:
            self._refuse("meters", "must be a table with at least one meter")
        rates = {name: self._rate(name, rate) for name, rate in meters.items()}
        if not any(METERS[name].parent is None and METERS[name].base == shown_in.base for name in rates):
            self._refuse("shown_in", f"is {shown_in.name}, which no meter of the row counts in")
        return rates

    def _rate(self, name: str, value: object) -> Rate:
        field = f"meters.{name}"
        if name not in METERS:
            self._refuse(field, f"is no meter; known are {', '.join(METERS)}")
        if not _is_table(value):
            self._refuse(field, "must be a table of price, per and unit")
        self._require_fields(value, _RATE_FIELDS, (), f"{field}.")
        unit = self._unit(f"{field}.unit", value["unit"])
        if unit.base != METERS[name].base:
            self._refuse(f"{field}.unit", f"must count {METERS[name].base}, not {unit.name}")
        per = self._amount(f"{field}.per", value["per"])
        if not per:
            self._refuse(f"{field}.per", "must be above 0")
        return Rate(self._amount(f"{field}.price", value["price"]), per, unit)

    def _amount(self, field: str, value: object) -> Decimal:
        text = self._text(field, value)
        try:
            amount = Decimal(text)
        except InvalidOperation:
            self._refuse(field, f"must be a decimal number in a string, not {value!r}")
        if not amount.is_finite() or (amount and not _SMALLEST <= amount < _LARGEST):
            self._refuse(field, f"must be 0 or between 10^-18 and 10^18, not {value}")
        return amount


def _is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
