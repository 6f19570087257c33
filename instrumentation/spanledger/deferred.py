"""Clients are metered when the engine imports them, so that configuring imports nothing that is not used."""

from __future__ import annotations

import logging
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from spanledger.calls import CLIENTS, instrument_installed
from spanledger.guard import guarded

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["instrument_when_imported"]

_LOGGER = logging.getLogger(__name__)


def instrument_when_imported() -> None:
    """Meter every supported client from its import on; at once where it is imported already.

    Without ``wrapt``, which comes with every extra of a client, what is installed is imported and metered at once.
    """
    with guarded("deferred.register"):
        try:
            from wrapt import register_post_import_hook  # noqa: PLC0415 - comes with the extras
        except ModuleNotFoundError:
            instrument_installed()
            return
        for client, home in CLIENTS.items():
            register_post_import_hook(partial(_instrument, client), home)
            register_post_import_hook(partial(_load, client, home), client)


def _load(client: str, home: str, module: ModuleType) -> None:
    """Import the module that meters a client, unless it is itself what is importing the client."""
    del module
    with guarded(f"instrument.{client}"):
        try:
            import_module(home)
        except ModuleNotFoundError as error:
            _LOGGER.warning("%s is imported but not metered: %s is missing", client, error.name)


def _instrument(client: str, calls: ModuleType) -> None:
    with guarded(f"instrument.{client}"):
        calls.instrument()
