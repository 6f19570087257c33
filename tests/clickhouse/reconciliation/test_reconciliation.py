"""Bills of known and own forms stand beside the ledger's exact amounts; bad ones are refused with line and column."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.exceptions import InvalidRequestError
from spanledger_clickhouse.reconciliation import Columns, compare, read_invoice
from tests.clickhouse.repricing.conftest import arrive, chat, transcription

if TYPE_CHECKING:
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

_BILLS = {
    "focus": "ChargePeriodStart,BilledCost,ServiceName,BillingCurrency\n2026-11-02T00:00:00Z,0.02,AmazonS3,USD\n",
    "aws-cur": (
        "lineItem/UsageStartDate,lineItem/UnblendedCost,lineItem/ProductCode,lineItem/CurrencyCode\n"
        "2026-11-02T10:00:00Z,0.02,AmazonS3,USD\n"
    ),
    "aws-cur-2": (
        "line_item_usage_start_date,line_item_unblended_cost,line_item_product_code,line_item_currency_code\n"
        "2026-11-02 10:00:00,0.02,AmazonS3,USD\n"
    ),
    "google": (
        "usage_start_time,cost,service.description,currency\n"
        "2026-11-02 10:00:00 UTC,0.02,Cloud Video Intelligence API,USD\n"
    ),
    "openai": "start_time_iso,amount_value,amount_currency\n2026-11-02T00:00:00+00:00,0.02,usd\n",
    "cloudflare": (
        "ChargePeriodStart,ContractedCost,ServiceFamilyName,BillingCurrency\n2026-11-02T00:00:00Z,0.02,Stream,USD\n"
    ),
}
_SERVICES = {"google": "google_video_ai", "openai": "openai", "cloudflare": "cloudflare_stream"}


def _write(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "bill.csv"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("form", _BILLS)
def test_known_exports_are_recognised(tmp_path: Path, form: str) -> None:
    """Columns tell whose export it is, and its services get the ledger's names."""
    invoice = read_invoice(_write(tmp_path, _BILLS[form]))

    assert invoice.form == form
    assert invoice.amounts == {(_SERVICES.get(form, "s3"), date(2026, 11, 2)): Decimal("0.02")}


def test_bill_and_ledger_stand_side_by_side(ledger: Ledger, tmp_path: Path) -> None:
    """Billed, computed, residual and percent are exact, also where only one side has an amount."""
    arrive(ledger, 1, chat())
    arrive(ledger, 2, chat(), day=1)
    arrive(ledger, 3, transcription())
    bill = "day,paid,what\n2026-11-02,0.05,OpenAI\n2026-11-02,0.03,OpenAI\n2026-11-04,1.00,openai\n"
    invoice = read_invoice(_write(tmp_path, bill), columns=Columns("day", "paid", "what"))

    rows = compare(ledger, invoice, "USD")

    assert [(row.since.day, row.billed, row.computed, row.residual, row.residual_percent) for row in rows] == [
        (2, Decimal("0.08"), Decimal("0.06"), Decimal("0.02"), Decimal("25.00")),
        (3, Decimal(0), Decimal("0.06"), Decimal("-0.06"), None),
        (4, Decimal("1.00"), Decimal(0), Decimal("1.00"), Decimal("100.00")),
    ]


def test_months_are_compared_with_months(ledger: Ledger, tmp_path: Path) -> None:
    """A bill that has months only is set beside the whole months."""
    arrive(ledger, 1, chat())
    arrive(ledger, 2, chat(), day=28)
    arrive(ledger, 3, chat(), day=29)
    bill = "month,paid,what\n2026-11,0.12,openai\n"
    invoice = read_invoice(_write(tmp_path, bill), columns=Columns("month", "paid", "what"))

    [row] = compare(ledger, invoice, "USD")

    assert (row.since, row.computed, row.residual, row.records) == (date(2026, 11, 1), Decimal("0.12"), Decimal(0), 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,2\n", "line 1: no known export has these columns: a, b"),
        (_BILLS["focus"] + "2026-13-01,1,s3,USD\n", "line 3, column 'ChargePeriodStart': '2026-13-01' is not a date"),
        (_BILLS["focus"] + "2026-11-01,1e,s3,USD\n", "line 3, column 'BilledCost': '1e' is not an amount"),
        (_BILLS["focus"] + "2026-11-01,NaN,s3,USD\n", "line 3, column 'BilledCost'"),
        (_BILLS["focus"] + "2026-11-01,1,s3,EUR\n", "line 3, column 'BillingCurrency': 'EUR' is not the currency USD"),
        (_BILLS["focus"] + "2026-11,1,s3,USD\n", "some lines have days and some months"),
        (_BILLS["focus"] + "2026-11-01\n", "line 3, column 'BilledCost'"),
        ("", "line 1: no known export"),
    ],
)
def test_bad_bills_name_line_and_column(tmp_path: Path, content: str, words: str) -> None:
    """Nothing of a bill is taken if a line of it cannot be read."""
    with pytest.raises(InvalidRequestError, match=words.replace("'", ".")):
        read_invoice(_write(tmp_path, content))


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    """An absent file, bytes that are no text and a column that is not there are named."""
    with pytest.raises(InvalidRequestError, match="No such file"):
        read_invoice(tmp_path / "absent.csv")
    (tmp_path / "bill.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(InvalidRequestError, match="no CSV in UTF-8"):
        read_invoice(tmp_path / "bill.csv", columns=Columns("a", "b"))
    with pytest.raises(InvalidRequestError, match="no column 'when'"):
        read_invoice(_write(tmp_path, "a,b\n1,2\n"), columns=Columns("when", "b"))
