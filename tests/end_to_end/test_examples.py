"""The scripts of examples/ as their heads say to run them, against a live ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from spanledger import environment
from spanledger_api.command_line.api_client import get
from spanledger_api.command_line.report import REPORTS
from spanledger_api.demo.children import Child
from spanledger_api.demo.loopback import paid_services, paid_services_environment
from spanledger_api.demo.readings import Reader
from spanledger_api.demo.scenario import up_arguments
from spanledger_api.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXAMPLES = Path(__file__).parents[2] / "examples"
_SINCE = "2026-01-01T00:00:00+00:00"

# Four tokens a message besides its text, a token for every four bytes of it; 64 tokens an answer.
_QUESTION = Decimal((34 + 3) // 4 + 4) * Decimal("0.00003") + 64 * Decimal("0.00006")
_BAKER = Decimal((28 + 3) // 4 + 4) * Decimal("0.0000015") + 64 * Decimal("0.000002")
_LEDGER = Decimal((29 + 3) // 4 + 4) * Decimal("0.0000015") + 64 * Decimal("0.000002")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of a ledger that every example has written to."""
    directory = tmp_path_factory.mktemp("examples")
    arguments = up_arguments(f"chdb://{directory}/ledger", 0)
    with (
        HttpServer(paid_services(), "127.0.0.1", 0) as services,
        Child("spanledger up", "spanledger_api.command_line", arguments, log=directory / "log") as ledger,
    ):
        ready = json.loads(ledger.line(60))
        variables = paid_services_environment(services.url) | {environment.OTLP_ENDPOINT: ready["otlp_http"]}
        boto3.Session("x", "x", region_name="us-east-1").client("s3", endpoint_url=services.url).create_bucket(
            Bucket="pictures"
        )
        _run_all([["chat.py"], ["upload_and_render.py", "pictures"], ["streams.py"]], variables)
        steps = {"question": {"answer": 1}, "thumbnails": {"render": 1, "upload": 1}, "story": {"write": 2}}
        Reader(ready["api"], _SINCE).wait(6, steps, [], 30)
        yield ready["api"]


def _run_all(commands: list[list[str]], variables: dict[str, str]) -> None:
    """Run the scripts side by side; each must end with success."""
    running = [
        subprocess.Popen([sys.executable, _EXAMPLES / script, *arguments], env=os.environ | variables)
        for script, *arguments in commands
    ]
    assert [example.wait(120) for example in running] == [0, 0, 0]


def _costs(api: str, report: str, key: str) -> dict[object, Decimal]:
    rows = get(api, REPORTS[report].path, {"from": _SINCE}).rows()
    return {row[key]: Decimal(str(row["total_cost"])) for row in rows}


def test_each_user_is_billed(api: str) -> None:
    """Concurrent streams and separate processes come together by user."""
    stated = Decimal("0.008") + Decimal("0.0125")
    stored = (Decimal("0.01") / 1024).quantize(Decimal("1e-12"))

    assert _costs(api, "users", "user_id") == {
        "user-123": _QUESTION + _BAKER,
        "user-456": stated + stored + _LEDGER,
    }


def test_a_stated_price_stands_beside_the_book(api: str) -> None:
    """A service that no price book knows costs what the engine says."""
    costs = _costs(api, "services", "service")

    assert costs["font_licence"] == Decimal("0.0125")
    assert costs["cloudflare_stream"] == Decimal("0.008")
    assert costs["openai"] == _QUESTION + _BAKER + _LEDGER


def test_prompts_are_named(api: str) -> None:
    """A call inside a prompt is named by it, one outside by its kind."""
    assert set(_costs(api, "prompts", "operation")) == {"gpt-4_chat", "gpt-3.5-turbo_story_short"}
