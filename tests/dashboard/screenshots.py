"""Take the pictures of the documentation anew: ``python -m tests.dashboard.screenshots``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import httpx

from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from tests.dashboard.browser import PHONE, visiting
from tests.dashboard.conftest import add_budgets, raise_due_alerts
from tests.dashboard.month import Month, store_month

if TYPE_CHECKING:
    from tests.dashboard.browser import Visitor

_IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
_WINDOW: Final = (1242, 700)
_PICTURES: Final = (
    ("dashboard-light", "/", _WINDOW, "light"),
    ("dashboard-dark", "/?group=user", _WINDOW, "dark"),
    ("dashboard-phone", "/", PHONE, "light"),
    ("dashboard-chinese", "/?lang=zh-TW", _WINDOW, "light"),
    ("dashboard-task", "/tasks/video_generation", _WINDOW, "light"),
)


def take(visitor: Visitor, folder: Path) -> None:
    """Take every picture into a folder."""
    for name, path, size, theme in _PICTURES:
        visitor.go(path, size, theme).screenshot(path=folder / f"{name}.png")
    [dearest] = httpx.get(f"{visitor.url}/api/executions?sort=cost&limit=1").json()
    page = visitor.go(f"/executions/{dearest['execution_id']}", _WINDOW, "light")
    page.screenshot(path=folder / "dashboard-execution.png")


def main() -> None:
    """Fill a ledger with a month of work and take the pictures."""
    _IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, open_ledger(f"chdb://{folder}/ledger") as ledger:
        migrate(ledger)
        store_month(ledger, Month(now=datetime.now(UTC)))
        with HttpServer(create_app(ledger), "127.0.0.1", 0) as server:
            add_budgets(server.url)
            raise_due_alerts(ledger)
            with visiting(server.url) as visitor:
                take(visitor, _IMAGES)


if __name__ == "__main__":
    main()
