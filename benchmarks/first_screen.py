"""How soon the dashboard's first screen has its figures, by the size of the ledger.

Usage: ``PYTHONPATH=. python benchmarks/first_screen.py [--records 10000000] [--rounds 5]``. It fills a fresh embedded
ledger inside the engine, opens the first screen in Chromium with an empty cache each time, and prints one line of JSON:
milliseconds until the first paint, the first figure, all that is in view and, after scrolling, all of the page;
questions to the API until all in view is there and in the end; requests in all, and kilobytes transferred.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from filled_ledger import fill_ledger
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from tests.dashboard.browser import DESKTOP, visiting

if TYPE_CHECKING:
    from tests.dashboard.browser import Visitor

_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
_ASKED = "performance.getEntriesByType('resource').filter(each => each.name.includes('/api/')).length"
_IN_VIEW = """() => document.querySelector(".panel") && ![...document.querySelectorAll(".skeleton")].some((each) => {
    const { top, bottom } = each.getBoundingClientRect();
    return top < innerHeight && bottom > 0;
})"""
_TRANSFERRED = "performance.getEntriesByType('resource').map(each => each.transferSize)"
_MINUTE_MS = 60_000


def main() -> None:
    """Fill, open, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_ledger(f"chdb://{Path(folder) / 'ledger'}") as ledger:
        migrate(ledger)
        fill_ledger(ledger, arguments.records)
        with HttpServer(create_app(ledger), "127.0.0.1", 0) as server:
            rounds: list[dict[str, float]] = []
            for _ in range(arguments.rounds):
                with visiting(server.url) as visitor:
                    rounds.append(_opened(visitor))
    medians = {name: round(statistics.median(each[name] for each in rounds)) for name in rounds[0]}
    print(json.dumps({"records": arguments.records, **medians}))


def _opened(visitor: Visitor) -> dict[str, float]:
    began = time.perf_counter()
    visitor.look(DESKTOP, "light")
    visitor.page.goto(visitor.url)
    expect(visitor.page.locator(".tile .figure").first).to_be_visible(timeout=_MINUTE_MS)
    first = time.perf_counter() - began
    visitor.page.wait_for_function(_IN_VIEW, timeout=_MINUTE_MS)
    in_view, asked = time.perf_counter() - began, visitor.page.evaluate(_ASKED)
    visitor.wait()
    expect(visitor.page.locator(".skeleton")).to_have_count(0, timeout=_MINUTE_MS)
    last = time.perf_counter() - began
    sizes: list[float] = visitor.page.evaluate(_TRANSFERRED)
    return {
        "paint_ms": float(visitor.page.evaluate(_PAINT)),
        "spend_ms": first * 1000,
        "in_view_ms": in_view * 1000,
        "in_view_questions": float(asked),
        "all_figures_ms": last * 1000,
        "questions": float(visitor.page.evaluate(_ASKED)),
        "requests": len(sizes),
        "transferred_kb": sum(sizes) / 1024,
    }


if __name__ == "__main__":
    main()
