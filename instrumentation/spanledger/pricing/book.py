"""The price book: every dated row, and which of them holds on a day."""

from __future__ import annotations

import os
from bisect import bisect_right
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spanledger import environment
from spanledger.exceptions import PriceBookError
from spanledger.pricing.rate_file import read_rate_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from spanledger.pricing.price import Price, PriceKey

__all__ = ["PriceBook"]

_RATES: Final = Path(__file__).parent / "rates"


class PriceBook:
    """Dated price rows in layers; an own row goes before a built-in one.

    Args:
        rows: The built-in rows.
        overrides: Own rows, consulted first.

    Raises:
        PriceBookError: Two rows have the same id, or price the same thing from the same day on.
    """

    def __init__(self, rows: Iterable[Price], *, overrides: Iterable[Price] = ()) -> None:
        own, built_in = _Layer(overrides), _Layer(rows)
        for price_id in own.ids & built_in.ids:
            message = f"price row {price_id}: the id is taken by a built-in row"
            raise PriceBookError(message)
        self._layers = (own, built_in)

    @staticmethod
    def built_in() -> PriceBook:
        """The rows that come with Spanledger; read once a process."""
        return _built_in()

    @staticmethod
    def with_overrides(path: str | os.PathLike[str]) -> PriceBook:
        """The built-in rows behind those of an own TOML file of the same format.

        Raises:
            PriceBookError: The file cannot be read, or a row of it is not valid; the message names file and line.
        """
        rows = read_rate_file(Path(path))
        try:
            return PriceBook(_built_in().rows(), overrides=rows)
        except PriceBookError as error:
            message = f"{path}: {error}"
            raise PriceBookError(message) from error

    @staticmethod
    def from_environment(variables: Mapping[str, str] = os.environ) -> PriceBook:
        """The built-in rows, behind those of the file that ``SPANLEDGER_PRICES`` names if it is set.

        Raises:
            PriceBookError: As :meth:`with_overrides`.
        """
        path = variables.get(environment.PRICES)
        return PriceBook.with_overrides(path) if path else PriceBook.built_in()

    @staticmethod
    def from_folder(folder: Path) -> PriceBook:
        """The rows of every ``*.toml`` file of a folder, in the order of the file names.

        Raises:
            PriceBookError: The folder holds no such file, or a row is not valid.
        """
        files = sorted(folder.glob("*.toml"))
        if not files:
            message = f"{folder}: there is no price file"
            raise PriceBookError(message)
        return PriceBook(row for file in files for row in read_rate_file(file))

    def lookup(self, service: str, model: str | None, provider: str | None, at: date) -> Price | None:
        """The row that holds on a day: of the last ``effective_from`` on or before it; None if there is none.

        Rows of the provider go before rows for all providers, rows of the model before rows for all models. Where no
        model is stated, the row marked ``default`` counts as the service's own.

        Args:
            service: Who is paid, in any case.
            model: The model, in any case; None where none is stated.
            provider: The provider, in any case; None takes rows for all providers only.
            at: The UTC day.
        """
        keys = _keys(service, model, provider)
        return next((row for layer in self._layers for key in keys if (row := layer.at(key, at))), None)

    def fallback(self, service: str, at: date) -> Price | None:
        """The row that stands in for unknown models of a service on a day; None if the service has none."""
        return next((row for layer in self._layers if (row := layer.fallback(service.lower(), at))), None)

    def first_day(self, service: str, model: str | None, provider: str | None) -> date | None:
        """First day on which a row prices this; None if no row ever does."""
        return _first_day(self._layers, _keys(service, model, provider))

    def first_built_in_day(self, service: str, model: str | None, provider: str | None) -> date | None:
        """As :meth:`first_day`, for the built-in rows alone."""
        return _first_day(self._layers[1:], _keys(service, model, provider))

    def rows(self, service: str | None = None, model: str | None = None) -> Sequence[Price]:
        """Rows of a service and model (None takes all), own rows first, then by service, model, provider and day."""
        return [
            row
            for layer in self._layers
            for row in layer
            if service in {None, row.service} and model in {None, row.model}
        ]

    def services(self) -> Sequence[str]:
        """Names of the services that have a row, sorted."""
        return sorted({row.service for row in self.rows()})


class _Layer:
    """Rows of one origin, by what they price, in time order."""

    def __init__(self, rows: Iterable[Price]) -> None:
        self.ids: set[str] = set()
        self._rows: dict[PriceKey, list[Price]] = {}
        self._fallbacks: dict[str, list[Price]] = {}
        for row in sorted(rows, key=lambda row: (row.service, row.model or "", row.provider or "", row.effective_from)):
            self._add(row)

    def __iter__(self) -> Iterator[Price]:
        return (row for key, rows in self._rows.items() if not _is_default(key) for row in rows)

    def at(self, key: PriceKey, day: date) -> Price | None:
        """The row of a key that holds on a day."""
        return _effective(self._rows.get(key), day)

    def fallback(self, service: str, day: date) -> Price | None:
        """The row that stands in for the service's unknown models on a day."""
        return _effective(self._fallbacks.get(service), day)

    def first_day(self, key: PriceKey) -> date | None:
        """The first day of a key; None without rows."""
        rows = self._rows.get(key)
        return rows[0].effective_from if rows else None

    def _add(self, row: Price) -> None:
        if row.price_id in self.ids:
            message = f"price row {row.price_id}: id stands twice"
            raise PriceBookError(message)
        self.ids.add(row.price_id)
        _append(self._rows.setdefault(row.key, []), row)
        if row.default:
            _append(self._rows.setdefault((row.service, _NO_MODEL, row.provider), []), row)
        if row.fallback:
            _append(self._fallbacks.setdefault(row.service, []), row)


_NO_MODEL: Final = ""
"""Stands in keys for usage that states no model."""


def _is_default(key: PriceKey) -> bool:
    return key[1] == _NO_MODEL


def _append(rows: list[Price], row: Price) -> None:
    rows.append(row)
    rows.sort(key=_day)
    for earlier, later in pairwise(rows):
        if earlier.effective_from == later.effective_from:
            message = (
                f"price row {later.price_id}: effective_from {later.effective_from} is that of {earlier.price_id}, "
                "which prices the same"
            )
            raise PriceBookError(message)


def _effective(rows: list[Price] | None, day: date) -> Price | None:
    if not rows:
        return None
    index = bisect_right(rows, day, key=_day)
    return rows[index - 1] if index else None


def _day(row: Price) -> date:
    return row.effective_from


def _keys(service: str, model: str | None, provider: str | None) -> list[PriceKey]:
    service, name = service.lower(), model.lower() if model else _NO_MODEL
    providers = (provider.lower(), None) if provider else (None,)
    return [(service, known_model, known) for known_model in (name, None) for known in providers]


def _first_day(layers: Iterable[_Layer], keys: Iterable[PriceKey]) -> date | None:
    keys = list(keys)
    days = [day for layer in layers for key in keys if (day := layer.first_day(key))]
    return min(days, default=None)


@cache
def _built_in() -> PriceBook:
    return PriceBook.from_folder(_RATES)
