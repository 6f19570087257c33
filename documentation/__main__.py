"""``python -m documentation [DIRECTORY]``: write every reference page anew, below ``docs/`` or another directory."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from documentation.pages import reference_pages
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate

_DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    """Write the pages."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else _DOCS
    with tempfile.TemporaryDirectory() as directory, open_ledger(f"chdb://{directory}") as ledger:
        migrate(ledger)
        for path, text in reference_pages(ledger).items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
