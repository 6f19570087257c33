"""The statements of the SQL cookbook, as an analyst runs them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.http_interface import ClickHouseInterface, LoopbackAccess
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger

_PAGE = Path(__file__).parent.parent.parent / "docs" / "guides" / "sql-cookbook.md"
_RECIPES = re.findall(r"^## (.+?)\n\n```sql\n(.+?)```", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def port(migrated_ledger: Ledger) -> Iterator[str]:
    """The ClickHouse port of a ledger with something to find for each statement."""
    now = datetime.now(UTC)
    for days in (1, 3, (now.day + 3)):
        span = partial(Span, start=now - timedelta(days=days), user="u", execution=f"e{days}", task="film")
        store(
            migrated_ledger,
            [
                span(execution_status="completed"),
                span(step="render"),
                span(service="openai", operation="gpt-4_a_b", category="a", prompt="b", cost=Decimal("0.06")),
                span(service="s3", operation="upload", cost=Decimal("0.01"), failed="it broke"),
            ],
        )
    with HttpServer(ClickHouseInterface(migrated_ledger, LoopbackAccess()), "127.0.0.1", 0) as server:
        yield server.url


@pytest.mark.parametrize(("question", "statement"), _RECIPES, ids=[question for question, _ in _RECIPES])
def test_a_recipe_answers(port: str, question: str, statement: str) -> None:
    """The statement passes the guard of the port and finds rows."""
    answer = httpx.post(port, params={"default_format": "JSON", "database": "spanledger"}, content=statement)

    assert answer.status_code == 200, f"{question} {answer.text}"
    assert answer.json()["rows"] > 0 or "price rows" in question


def test_no_recipe_is_left_out() -> None:
    """Every heading of the page has a statement that the test above runs."""
    assert len(_RECIPES) == _PAGE.read_text(encoding="utf-8").count("\n## ")
