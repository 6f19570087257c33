"""A ledger on a cluster answers as a ledger on one server; the cluster is one process here, see ``local_cluster``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from spanledger_clickhouse.rollups.coverage import Coverage, Segment

_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What each ledger said. A process of their own: the engine reads the clusters when it first opens."""
    command = [
        sys.executable,
        "-m",
        "tests.clickhouse.cluster.side_by_side",
        str(tmp_path_factory.mktemp("cluster") / "ledger"),
    ]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


def test_every_report_is_the_same_over_two_shards(answers: dict[str, dict[str, object]]) -> None:
    """Views and reports over Distributed tables equal those of one server, although spans came twice."""
    assert {name: answers["two"][name] for name in answers["plain"]} == answers["plain"]
    assert 0 < int(str(answers["two"]["records of the first shard"])) < 40


def test_writing_goes_through_the_distributed_tables(answers: dict[str, dict[str, object]]) -> None:
    """Spans that arrive twice are counted once and priced by the rater; two who migrate at once do no harm."""
    assert answers["one"] == {"records": 12, "total": "0.108", "applied": True, "applied again": 0}


def test_sums_over_two_shards_are_those_of_one_server(answers: dict[str, dict[str, object]]) -> None:
    """Every report is the same when it is read from rollups, of two shards or of one server.

    Before it ended, the process also compared reports of two shards with a plain recount, whatever happened to them:
    spans that come late, again, or are committed after others with higher numbers, mutations, merges and cut-offs.
    """
    assert answers["two, summed up"] == answers["plain, summed up"]
    assert answers["two, summed up"]["is summed up"]


def test_only_what_every_replica_has_is_accounted_for(answers: dict[str, dict[str, object]]) -> None:
    """Of three inserts two are observed if the second replica lacks the third, and none if it has lost them all."""
    observed = Coverage({(1, "202603"): (Segment(1, 2),)})

    assert answers["copies"] == {"lagging": [str(observed), 2], "empty": [str(Coverage()), 2]}
