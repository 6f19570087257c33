"""Bills as CSV: what providers export, and FOCUS, read into amounts by service and day."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING, Final, NoReturn

from spanledger.exceptions import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["KNOWN_FORMATS", "Columns", "Invoice", "read_invoice"]

_EXACT: Final = Context(prec=160)
_MONTH_LENGTH: Final = len("2026-11")
_SYMBOLS: Final = {"$": "USD"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a bill say what.

    Attributes:
        date: The day or month of the charge.
        amount: What was billed.
        service: Whom or what for; None books the whole bill under one service.
        currency: ISO 4217 code; None takes USD.
    """

    date: str
    amount: str
    service: str | None = None
    currency: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """Those that must be there."""
        return tuple(name for name in (self.date, self.amount, self.service, self.currency) if name)


KNOWN_FORMATS: Final[Mapping[str, Columns]] = {
    "focus": Columns("ChargePeriodStart", "BilledCost", "ServiceName", "BillingCurrency"),
    "aws-cur": Columns(
        "lineItem/UsageStartDate", "lineItem/UnblendedCost", "lineItem/ProductCode", "lineItem/CurrencyCode"
    ),
    "aws-cur-2": Columns(
        "line_item_usage_start_date",
        "line_item_unblended_cost",
        "line_item_product_code",
        "line_item_currency_code",
    ),
    "google": Columns("usage_start_time", "cost", "service.description", "currency"),
    "openai": Columns("start_time_iso", "amount_value", None, "amount_currency"),
    "cloudflare": Columns("ChargePeriodStart", "ContractedCost", "ServiceFamilyName", "BillingCurrency"),
}
"""Exports by name, each recognised by its columns; the first of which all are there is taken."""

_SERVICES: Final = {
    "amazons3": "s3",
    "amazon simple storage service": "s3",
    "amazoncloudfront": "cloudfront",
    "amazon cloudfront": "cloudfront",
    "cloud video intelligence api": "google_video_ai",
    "stream": "cloudflare_stream",
    "cloudflare stream": "cloudflare_stream",
    "r2": "s3",
}
"""What providers call a service, in lower case, and what the ledger does; any other name stays, in lower case."""

_WHOLE_BILLS: Final = {"openai": "openai"}
"""The service of a bill that names none, by its format."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """What was billed.

    Attributes:
        form: The format that was recognised, or ``columns`` where the caller named them.
        monthly: Whether it has months only.
        amounts: By service and first day of the day or month, in USD or the one currency asked for.
    """

    form: str
    monthly: bool
    amounts: Mapping[tuple[str, date], Decimal]


def read_invoice(
    path: Path, *, columns: Columns | None = None, currency: str = "USD", services: Mapping[str, str] | None = None
) -> Invoice:
    """Read a bill.

    Args:
        path: A CSV file with a heading, in UTF-8.
        columns: Which columns say what; None recognises a known export.
        currency: The only currency that may stand in it.
        services: The ledger's service by the bill's name for it, before the names that are known.

    Raises:
        InvalidRequestError: The file cannot be read, no known export has its columns, or a line has a date, an amount
            or a currency that is none; the message names line and column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            headings = list(reader.fieldnames or ())
            form, chosen = _recognised(path, headings, columns)
            names = {name.lower(): service for name, service in (services or {}).items()}
            return _read(path, reader, form, chosen, currency, _SERVICES | names)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise InvalidRequestError(message) from error
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"{path} is no CSV in UTF-8: {error}."
        raise InvalidRequestError(message) from error


def _recognised(path: Path, headings: list[str], columns: Columns | None) -> tuple[str, Columns]:
    if columns is not None:
        missing = [name for name in columns.named if name not in headings]
        if missing:
            message = f"{path}, line 1: there is no column {missing[0]!r}; there are {', '.join(headings)}."
            raise InvalidRequestError(message)
        return "columns", columns
    for form, known in KNOWN_FORMATS.items():
        if set(known.named) <= set(headings):
            return form, known
    message = (
        f"{path}, line 1: no known export has these columns: {', '.join(headings)}. "
        "Name them: --columns date=…,amount=…,service=…,currency=…"
    )
    raise InvalidRequestError(message)


def _read(  # noqa: PLR0913, PLR0917 - what a line is read by
    path: Path,
    reader: csv.DictReader[str],
    form: str,
    columns: Columns,
    currency: str,
    services: Mapping[str, str],
) -> Invoice:
    amounts: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    months = days = 0
    for row in reader:
        where = f"{path}, line {reader.line_num}, column"
        if not any(row.values()):
            continue
        day, is_month = _day(row[columns.date] or "", f"{where} {columns.date!r}")
        amount = _amount(row[columns.amount] or "", f"{where} {columns.amount!r}")
        if columns.currency is not None:
            _require_currency(row[columns.currency] or "", currency, f"{where} {columns.currency!r}")
        name = (row[columns.service] or "").strip() if columns.service else _WHOLE_BILLS.get(form, "")
        months, days = months + is_month, days + (not is_month)
        with localcontext(_EXACT):
            amounts[services.get(name.lower(), name.lower()), day] += amount
    if months and days:
        message = f"{path}, column {columns.date!r}: some lines have days and some months only."
        raise InvalidRequestError(message)
    return Invoice(form, bool(months), dict(amounts))


def _day(text: str, where: str) -> tuple[date, bool]:
    """The UTC day, or the first of a month and that it is one."""
    plain = text.strip()
    try:
        if len(plain) == _MONTH_LENGTH:
            return date.fromisoformat(f"{plain}-01"), True
        if plain.isdecimal():  # seconds since 1970, as OpenAI's interface gives them
            return datetime.fromtimestamp(int(plain), UTC).date(), False
        moment = datetime.fromisoformat(plain.replace(" UTC", "+00:00"))
    except (ValueError, OverflowError, OSError):
        _refuse(where, text, "a date such as 2026-11-30, a month such as 2026-11, or a time in RFC 3339")
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date(), False


def _amount(text: str, where: str) -> Decimal:
    try:
        amount = Decimal(text.strip().lstrip("$").replace(",", ""))
    except InvalidOperation:
        _refuse(where, text, "an amount")
    if not amount.is_finite():
        _refuse(where, text, "an amount")
    return amount


def _require_currency(text: str, currency: str, where: str) -> None:
    code = text.strip().upper()
    if _SYMBOLS.get(code, code) != currency:
        _refuse(where, text, f"the currency {currency}; amounts of different currencies are never compared")


def _refuse(where: str, text: str, wanted: str) -> NoReturn:
    message = f"{where}: {text!r} is not {wanted}."
    raise InvalidRequestError(message)
