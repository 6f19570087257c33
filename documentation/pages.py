"""All reference pages by their path below ``docs/``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from documentation.command_line import command_line_page
from documentation.constants import attributes_page, settings_page
from documentation.http_api import http_api_page
from documentation.metrics import metrics_page
from documentation.price_book import price_book_page
from documentation.tables import tables_page
from spanledger_api.app import create_app
from spanledger_collector.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["reference_pages"]


def reference_pages(ledger: Ledger) -> Mapping[str, str]:
    """The text of each page.

    Args:
        ledger: A ledger with the current schema.
    """
    api = create_app(ledger)
    with tempfile.TemporaryDirectory() as directory:
        collector = Pipeline(ledger, Path(directory)).exposition.text()
    return {
        "reference/attributes.md": attributes_page(),
        "reference/settings.md": settings_page(),
        "reference/tables.md": tables_page(ledger),
        "reference/http-api.md": http_api_page(api.openapi()),
        "reference/command-line.md": command_line_page(),
        "reference/metrics.md": metrics_page([collector, api.state.metrics.exposition()]),
        "reference/price-book.md": price_book_page(),
    }
