"""``spanledger spool`` against a collector that refuses, is away, and takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import spanledger
from spanledger_api.command_line import main
from tests.instrumentation.collectors import HttpCollector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HttpCollector]:
    """A collector that has refused one batch with two spans of an engine."""
    monkeypatch.setenv("SPANLEDGER_SPOOL_DIR", str(tmp_path))
    spanledger.shutdown()
    with HttpCollector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        collector.status = 400
        spanledger.configure()
        for name in ("one", "two"):
            with spanledger.step(name):
                pass
        assert spanledger.flush()
        spanledger.shutdown()
        yield collector


def run(capture: pytest.CaptureFixture[str], *words: str) -> tuple[object, Any]:
    """Exit code and what was printed as JSON."""
    with pytest.raises(SystemExit) as end:
        main(["spool", *words, "--json"])
    return end.value.code, json.loads(capture.readouterr().out)


def test_what_was_refused_is_sent_again(collector: HttpCollector, capsys: pytest.CaptureFixture[str]) -> None:
    """It is listed, stays while the collector refuses it, and is gone once it is taken."""
    code, listed = run(capsys, "list")
    [file] = listed["files"]
    assert (code, file["state"], file["spans"]) == (0, "refused", 2)

    code, [again] = run(capsys, "resend")
    assert (code, again["outcome"], again["reason"], again["spans"]) == (1, "refused", "400 Bad Request", 0)

    collector.status = 200
    code, [taken] = run(capsys, "resend", file["name"])
    assert (code, taken["outcome"], taken["spans"]) == (0, "delivered", 2)
    assert collector.names() == ["step one", "step two"]
    assert run(capsys, "list")[1]["files"] == []
    assert run(capsys, "resend") == (0, [])


def test_a_collector_that_is_away_changes_nothing(collector: HttpCollector, capsys: pytest.CaptureFixture[str]) -> None:
    """The file stays for another time."""
    collector.status = 503
    code, [file] = run(capsys, "resend")

    assert (code, file["outcome"]) == (1, "away")
    assert len(run(capsys, "list")[1]["files"]) == 1


@pytest.mark.usefixtures("collector")
def test_what_is_of_no_use_is_discarded(capsys: pytest.CaptureFixture[str]) -> None:
    """Only by name or by --all, and it says how many spans are lost."""
    for words in ([], ["--all", "a file"], ["a file"]):
        with pytest.raises(SystemExit) as end:
            main(["spool", "discard", *words])
        assert end.value.code == 2

    assert run(capsys, "discard", "--all") == (0, {"spans": 2})
    assert run(capsys, "list")[1]["files"] == []


@pytest.mark.usefixtures("collector")
def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """And a line on stderr where there is nothing to show."""
    capsys.readouterr()
    for words in (["list"], ["discard", "--all"], ["list"], ["resend"]):
        with pytest.raises(SystemExit) as end:
            main(["spool", *words])
        assert end.value.code == 0
    out, err = capsys.readouterr()

    assert out.count("refused") >= 2
    assert [line.split(" ")[0] for line in err.splitlines()] == ["2", "Nothing", "Nothing"]
