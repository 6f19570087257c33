"""Reading the reports of a run, and telling whether they agree."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.exceptions import LedgerUnavailableError
from spanledger_api.app import create_app
from spanledger_api.demo.readings import Reader, Reading
from spanledger_api.demo.screen import print_reading
from spanledger_api.http_server import HttpServer

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger


def _reading(users: str, services: str, records: int = 2) -> Reading:
    def rows(name: str, cost: str, count: int) -> list[dict[str, object]]:
        return [{name: "x", "total_cost": Decimal(cost), "operations_count": count}]

    return Reading(
        reports={
            "users": rows("user_id", users, records),
            "services": rows("service", services, 2),
            "trend": rows("date", services, 2),
            "prompts": [],
            "recommendations": [{"priority": "high", "message": "spend less"}],
        },
        bottleneck={"task": [{"step_name": "wait", "avg_duration": Decimal("1.25"), "count": 1}]},
        failed=[],
    )


@pytest.mark.parametrize(
    ("reading", "agree"),
    [
        (_reading("0.300000000001", "0.300000000001"), True),
        (_reading("0.300000000001", "0.300000000002"), False),
        (_reading("0.3", "0.3", records=3), False),
    ],
)
def test_reports_agree_only_to_the_last_digit(reading: Reading, agree: bool) -> None:  # noqa: FBT001 - a test's parameter
    """A difference in the twelfth place, or of one record, is a difference."""
    assert reading.agree is agree


def test_the_screen_says_so_when_reports_disagree(capsys: pytest.CaptureFixture[str]) -> None:
    """No total is claimed, and stderr names each sum."""
    print_reading(_reading("1", "2"))

    out, err = capsys.readouterr()
    assert "Total" not in out
    assert err == "spanledger: the reports disagree: users 1, services 2, trend 2 USD\n"


def test_the_screen_shows_total_advice_and_steps(capsys: pytest.CaptureFixture[str]) -> None:
    """Amounts keep every digit, durations are shown at a tenth of a millisecond."""
    print_reading(_reading("0.300000000001", "0.300000000001"))

    out, err = capsys.readouterr()
    assert "Total 0.300000000001 USD; users, services and days add up to it to the last digit." in out
    assert "high: spend less" in out
    assert "1.2" in out
    assert "1.25" not in out
    assert not err


def test_records_that_never_come_are_an_error(ledger: Ledger) -> None:
    """Waiting ends at its deadline and says what is missing."""
    with HttpServer(create_app(ledger), "127.0.0.1", 0) as api:
        reader = Reader(api.url, "2026-01-01T00:00:00+00:00")

        reader.wait(0, {"task": {}}, [], 0.0)
        with pytest.raises(LedgerUnavailableError, match="does not show the whole run"):
            reader.wait(1, {"task": {"wait": 1}}, ["no-such-execution"], 0.0)
