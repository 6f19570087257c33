"""What Spanledger says to people, in the language they ask for; the texts are in ``messages.toml``."""

from __future__ import annotations

import os
import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from spanledger import environment
from spanledger.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Locale(StrEnum):
    """A language that every message exists in."""

    ENGLISH = "en"
    TRADITIONAL_CHINESE = "zh-TW"


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every message: key to language to text."""
    return tomllib.loads(files("spanledger_api").joinpath("messages.toml").read_text(encoding="utf-8"))


def message(key: str, locale: Locale, **values: str) -> str:
    """A message with its values filled in.

    Raises:
        KeyError: The catalogue has no such message, or the message asks for a value that was not given.
    """
    return catalogue()[key][locale.value].format_map(values)


def default_locale() -> Locale:
    """The language of ``SPANLEDGER_LOCALE``; English where it is unset or empty.

    Raises:
        ConfigurationError: It names a language that the catalogue does not have.
    """
    name = os.environ.get(environment.LOCALE, "")
    try:
        return Locale(name) if name else Locale.ENGLISH
    except ValueError as error:
        text = f"{environment.LOCALE}={name!r} is not a language of the catalogue; use one of {', '.join(Locale)}."
        raise ConfigurationError(text) from error


def negotiated_locale(accept_language: str | None, default: Locale) -> Locale:
    """The language that a request asks for.

    Any range of Chinese gets Traditional Chinese, the only Chinese there is; a range whose weight is 0 or cannot be
    read is skipped.

    Args:
        accept_language: The ``Accept-Language`` header; None if there was none.
        default: What a request gets that asks for nothing there is.
    """
    ranges = [_weighed(part) for part in (accept_language or "").split(",")]
    for weight, name in sorted(ranges, key=lambda each: -each[0]):
        if weight <= 0:
            break
        if name == "*":
            return default
        for locale in Locale:
            if name.partition("-")[0] == locale.value.partition("-")[0]:
                return locale
    return default


def _weighed(part: str) -> tuple[float, str]:
    name, _, weight = part.strip().lower().partition(";")
    if not weight:
        return 1.0, name.strip()
    digits = weight.strip().removeprefix("q=")
    return (float(digits) if digits.replace(".", "", 1).isdecimal() else 0.0), name.strip()
