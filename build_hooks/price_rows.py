"""Stops the build of a distribution whose price rows are not valid.

Runs with what a build has: the standard library, hatchling and the sources.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PriceRowsHook(BuildHookInterface[BuilderConfig]):
    """Reads every built-in price row before anything is built."""

    PLUGIN_NAME = "price-rows"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check the rows of the tree that is being built.

        Raises:
            PriceBookError: A row is incomplete or malformed; the message names file, line, row and field.
        """
        del version, build_data
        sources = Path(self.root, "instrumentation")
        sys.path.insert(0, str(sources))
        try:
            from spanledger.pricing import PriceBook  # noqa: PLC0415 - importable only from here on

            PriceBook.from_folder(sources / "spanledger" / "pricing" / "rates")
        finally:
            sys.path.remove(str(sources))
