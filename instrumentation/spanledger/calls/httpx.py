"""httpx: downloads from CloudFront, calls of Cloudflare Stream, and the identity for own services."""

from __future__ import annotations

from typing import Final

import httpx

from spanledger.calls.http_client import HttpLibrary

__all__ = ["instrument", "uninstrument"]

_LIBRARY: Final = HttpLibrary(httpx, official_suffix="")


def instrument() -> None:
    """Meter every httpx client of the process; a second call does nothing."""
    _LIBRARY.instrument()


def uninstrument() -> None:
    """Meter no httpx client any more."""
    _LIBRARY.uninstrument()
