"""Paid calls that are metered without a call of the engine's: one module for each client library."""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol, cast

from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["instrument_installed"]

_LOGGER = logging.getLogger(__name__)

CLIENTS: Final[Mapping[str, str]] = {
    "openai": "spanledger.calls.openai",
    "botocore": "spanledger.calls.s3",
    "google.cloud.videointelligence_v1": "spanledger.calls.google_video",
    "httpx": "spanledger.calls.httpx",
    "httpx2": "spanledger.calls.httpx2",
}
"""Client library to the module that meters it."""


class _CallModule(Protocol):
    def instrument(self) -> None:
        """Meter the client's paid calls; a second call does nothing."""


def instrument_installed() -> list[str]:
    """Meter every supported client that is installed, and leave out the others.

    Returns:
        Names of the clients that are metered now, in the order of :data:`CLIENTS`.
    """
    metered: list[str] = []
    for client, home in CLIENTS.items():
        if not _is_installed(client):
            continue
        with guarded(f"instrument.{client}"):
            try:
                module = cast("_CallModule", import_module(home))
            except ModuleNotFoundError as error:
                _LOGGER.warning("%s is installed but not metered: %s is missing", client, error.name)
                continue
            module.instrument()
            metered.append(client)
    return metered


def _is_installed(client: str) -> bool:
    try:
        return find_spec(client) is not None
    except ModuleNotFoundError:  # of the package that it would be in
        return False
