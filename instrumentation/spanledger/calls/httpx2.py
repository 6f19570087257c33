"""httpx2: downloads from CloudFront, calls of Cloudflare Stream, and the identity for own services."""

from __future__ import annotations

from typing import Final

import httpx2

from spanledger.calls.http_client import HttpLibrary

__all__ = ["instrument", "uninstrument"]

_LIBRARY: Final = HttpLibrary(httpx2, official_suffix="Httpx2")


def instrument() -> None:
    """Meter every httpx2 client of the process; a second call does nothing."""
    _LIBRARY.instrument()


def uninstrument() -> None:
    """Meter no httpx2 client any more."""
    _LIBRARY.uninstrument()
