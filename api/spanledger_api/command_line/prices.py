"""``spanledger prices``: look up, check and apply the price book; needs no server, ledger or network."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spanledger.exceptions import UnknownPriceError
from spanledger.pricing import Calculator, Charge, CostSource, Price, PriceBook, Usage
from spanledger.values import decimal_text
from spanledger_api.command_line.output import print_csv, print_json, print_table
from spanledger_api.command_line.price_history import history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["command"]

_KEY_COLUMNS = (
    "service",
    "model",
    "provider",
    "meter",
    "price",
    "per",
    "unit",
    "currency",
    "effective_from",
    "price_id",
)
_METER_OPTIONS = {
    "input_tokens": ("input_tokens", 1, "Prompt tokens, cached ones included."),
    "cached_input_tokens": ("cached_input_tokens", 1, "Prompt tokens read from the provider's cache."),
    "output_tokens": ("output_tokens", 1, "Completion tokens."),
    "seconds": ("seconds", 1, "Length in seconds."),
    "minutes": ("seconds", 60, "Length in minutes."),
    "bytes": ("bytes", 1, "Size in bytes."),
    "gigabytes": ("bytes", 1024**3, "Size in GB of 1024³ bytes."),
}
"""Option to the meter it fills, base units in one of it, and help."""


class _Amount(click.ParamType[Decimal]):
    """A decimal number that is not negative."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The number, or a usage error."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount of usage", param, ctx)
        return amount


class _Day(click.ParamType[date]):
    """A calendar day."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or a usage error."""
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date such as 2026-01-31", param, ctx)


_AT = click.option("--at", "at", type=_Day(), metavar="DATE", help="The UTC day to price for; today if absent.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Look up, check and apply the price book.

    Rows of the file that SPANLEDGER_PRICES names go before the built-in ones.
    """


command.add_command(history)


@command.command("list")
@_AT
@_JSON
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def list_prices(at: date | None, *, as_json: bool, as_csv: bool) -> None:
    """List the price that holds today, or on a day, for everything in the book."""
    if as_json and as_csv:
        message = "--json and --csv exclude each other"
        raise click.UsageError(message)
    book, day = PriceBook.from_environment(), at or _today()
    holding = {row.key: row for key in {row.key: None for row in book.rows()} if (row := book.lookup(*key, day))}
    rows = [line for row in holding.values() for line in _lines(row)]
    if as_csv:
        print_csv(_KEY_COLUMNS, rows)
    else:
        _print(f"Prices on {day}", _KEY_COLUMNS, rows, as_json=as_json)


@command.command("show")
@click.argument("name")
@_JSON
def show_prices(name: str, *, as_json: bool) -> None:
    """Show every row, past and present, of the service, model or price id NAME, with its source."""
    book = PriceBook.from_environment()
    rows = [row for row in book.rows() if name.lower() in {row.service, row.model, row.price_id}]
    if not rows:
        models = {row.model for row in book.rows() if row.model}
        message = f"the book has no row of {name!r}; it knows {', '.join([*book.services(), *sorted(models)])}"
        raise UnknownPriceError(message)
    lines = [line | {"source": row.source} for row in rows for line in _lines(row)]
    _print(f"Prices of {name}", (*_KEY_COLUMNS, "source"), lines, as_json=as_json)


@command.command("check")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@_JSON
def check_prices(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Check the built-in rows and those of each FILE; fail at the first row that is not valid."""
    books = [PriceBook.built_in(), *(PriceBook.with_overrides(file) for file in files)]
    rows = {row.price_id: row for book in books for row in book.rows()}
    newest = max(row.effective_from for row in rows.values())
    if as_json:
        print_json({"rows": len(rows), "newest": newest})
    else:
        click.echo(f"{len(rows)} price rows are valid; the newest is of {newest}")


def _meter_options(function: Callable[..., None]) -> Callable[..., None]:
    for name, (_, _, help_text) in reversed(_METER_OPTIONS.items()):
        function = click.option(f"--{name.replace('_', '-')}", name, type=_Amount(), help=help_text)(function)
    return function


@command.command("quote")
@click.argument("service")
@click.option("--model", help="Model of the service.")
@click.option("--provider", help="Provider, where it has its own price, such as r2.")
@_meter_options
@click.option("--quantity", type=_Amount(), help="Amount in --unit, instead of the options above.")
@click.option("--unit", help="Unit of --quantity, such as minutes or MB.")
@_AT
@_JSON
def quote(  # noqa: PLR0913 - one argument an option
    service: str,
    *,
    model: str | None,
    provider: str | None,
    quantity: Decimal | None,
    unit: str | None,
    at: date | None,
    as_json: bool,
    **metered: Decimal | None,
) -> None:
    """Say what an amount of usage of SERVICE costs; fail if nothing prices it."""
    used = _used(metered)
    if (quantity is None) != (unit is None) or (quantity is None) == (not used):
        message = "say what was used: either meters such as --seconds 90, or --quantity and --unit"
        raise click.UsageError(message)
    calculator = Calculator(PriceBook.from_environment())
    moment = datetime.combine(at, datetime.min.time(), UTC) if at else datetime.now(UTC)
    if quantity is not None and unit is not None:
        charge = calculator.charge_quantity(service, quantity, unit, model=model, provider=provider, at=moment)
    else:
        charge = calculator.charge(Usage(service, used, model, provider=provider), moment)
    _print_charge(service, model, charge, as_json=as_json)


def _used(metered: Mapping[str, Decimal | None]) -> dict[str, Decimal]:
    used: dict[str, Decimal] = {}
    for name, amount in metered.items():
        if amount is None:
            continue
        meter, factor, _ = _METER_OPTIONS[name]
        if meter in used:
            message = f"--{name.replace('_', '-')} states {meter} a second time"
            raise click.UsageError(message)
        used[meter] = amount * factor
    return used


def _print_charge(service: str, model: str | None, charge: Charge, *, as_json: bool) -> None:
    answer = {
        "service": service,
        "model": model,
        "quantity": charge.quantity,
        "unit": charge.unit,
        "unit_cost": charge.unit_cost,
        "total_cost": charge.total_cost,
        "currency": charge.currency,
        "source": charge.source.value,
        "price_id": charge.price_id,
        "reason": charge.reason,
    }
    if as_json:
        print_json(answer)
    elif charge.total_cost is not None:
        quantity, total = decimal_text(charge.quantity), decimal_text(charge.total_cost)
        click.echo(f"{quantity} {charge.unit} cost {total} {charge.currency} ({charge.source}, {charge.price_id})")
    if charge.source is CostSource.UNPRICED:
        raise UnknownPriceError(charge.reason)
    if charge.reason is not None:
        click.echo(f"spanledger: {charge.reason}", err=True)


def _print(title: str, columns: tuple[str, ...], rows: list[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
    else:
        print_table(title, columns, rows)


def _lines(row: Price) -> Iterable[dict[str, object]]:
    """One line a meter of the row."""
    for meter, rate in row.rates.items():
        yield {
            "service": row.service,
            "model": row.model,
            "provider": row.provider,
            "meter": meter,
            "price": rate.price,
            "per": rate.per,
            "unit": rate.unit.name,
            "currency": row.currency,
            "effective_from": row.effective_from,
            "price_id": row.price_id,
        }


def _today() -> date:
    return datetime.now(UTC).date()
