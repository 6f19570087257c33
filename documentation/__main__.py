"""``python -m documentation``: write every reference page anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from documentation.pages import reference_pages
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate

_DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    """Write the pages below ``docs/``."""
    with tempfile.TemporaryDirectory() as directory, open_ledger(f"chdb://{directory}") as ledger:
        migrate(ledger)
        for path, text in reference_pages(ledger).items():
            (_DOCS / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
