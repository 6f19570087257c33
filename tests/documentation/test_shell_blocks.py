"""What the documentation tells people to type, typed."""

from __future__ import annotations

import subprocess
import sys
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from spanledger import environment
from spanledger_api.http_server import HttpServer
from tests.documentation.page_runs import PageRun, start_page
from tests.documentation.shell_blocks import ROOT, exceptions, shell_blocks
from tests.instrumentation.collectors import HttpCollector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

_BLOCKS = shell_blocks()
_PAGES = {
    page: tuple(blocks)
    for page, blocks in groupby((each for each in _BLOCKS if each.name not in exceptions), lambda block: block.page)
}


async def _taken(request: Request) -> PlainTextResponse:
    """A Slack that takes every message."""
    await request.body()
    return PlainTextResponse("ok")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PageRun]]:
    """Every page on its way, side by side, as most of it is waiting for programs to start."""
    base = tmp_path_factory.mktemp("pages")
    ledger = base / "ledger"
    subprocess.run([sys.executable, "-m", "tests.documentation.sample_ledger", str(ledger)], cwd=ROOT, check=True)
    slack = Starlette(routes=[Route("/", _taken, methods=["POST"])])
    with HttpServer(slack, "127.0.0.1", 0) as server, HttpCollector() as collector:
        variables = {environment.OTLP_ENDPOINT: collector.url, "SLACK": server.url}
        started: dict[str, PageRun] = {}
        for number, (page, blocks) in enumerate(_PAGES.items()):
            directory = base / str(number)
            directory.mkdir()
            started[page] = start_page(blocks, ledger, directory, variables)
        yield started
        for run in started.values():
            run.process.kill()
            run.process.wait()


@pytest.mark.parametrize("page", _PAGES)
def test_the_commands_of_a_page_work(runs: dict[str, PageRun], page: str) -> None:
    """Each ends with success, in the order of the page."""
    complaint = runs[page].complaint()

    assert complaint == ""


@pytest.mark.parametrize("page", [page for page, blocks in _PAGES.items() if any(block.printed for block in blocks)])
def test_a_page_shows_what_its_commands_print(runs: dict[str, PageRun], page: str) -> None:
    """To the letter, where the output stands below the command."""
    assert runs[page].complaint() == ""

    assert "".join(block.printed for block in runs[page].blocks) == runs[page].printed()


def test_the_engine_says_nothing_in_a_terminal(runs: dict[str, PageRun]) -> None:
    """Its own log would bury what a command says to the people who run it by hand."""
    run = runs["docs/guides/re-pricing.md"]
    run.process.wait()

    assert [line for line in run.complaints().splitlines() if "<Debug>" in line or "<Information>" in line] == []


def test_every_exception_is_a_block() -> None:
    """One whose block has gone or begins otherwise is taken out, and what is listed once is not run."""
    assert set(exceptions) - {block.name for block in _BLOCKS} == set()


def test_most_blocks_are_run() -> None:
    """The list of exceptions stays the smaller part."""
    assert len(exceptions) * 2 < len(_BLOCKS)
