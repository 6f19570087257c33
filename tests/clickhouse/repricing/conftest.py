"""Records of every service in a ledger, and a price book in which some of their prices have changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from spanledger.pricing import Calculator, PriceBook
from spanledger_clickhouse.repricing import Repricer, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

DAY = datetime(2026, 11, 2, tzinfo=UTC)
START = int(DAY.timestamp()) * 10**9
EVERYTHING = Scope(START, START + 30 * 86_400 * 10**9)
"""November from the second on."""

NEW_PRICES = """
[[price]]
id = "own/gpt-4/2026-11-01"
service = "openai"
model = "gpt-4"
effective_from = 2026-11-01
source = "https://example.com/contract"
shown_in = "tokens"
[price.meters]
input_tokens = { price = "0.02", per = "1000", unit = "tokens" }
cached_input_tokens = { price = "0.01", per = "1000", unit = "tokens" }
output_tokens = { price = "0.06", per = "1000", unit = "tokens" }

[[price]]
id = "own/whisper/2026-11-01"
service = "whisper"
effective_from = 2026-11-01
source = "https://example.com/contract"
shown_in = "seconds"
[price.meters]
seconds = { price = "0.0003", per = "1", unit = "seconds" }
"""


def arrive(ledger: Ledger, number: int, attributes: Mapping[str, str], *, day: int = 0, trace: int = 0) -> None:
    """Store one span as a collector does; its times carry nanoseconds."""
    ledger.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, Duration, SpanAttributes) SELECT "
        "fromUnixTimestamp64Nano({at:Int64}, 'UTC'), {trace:String}, {span:String}, 'call', 2000000, "
        "JSONExtract({attributes:String}, 'Map(String, String)')",
        {
            "at": START + day * 86_400 * 10**9 + 123_456_789,
            "trace": f"{trace or number:032x}",
            "span": f"{number:016x}",
            "attributes": json.dumps(dict(attributes)),
        },
    )


def chat(user: str = "u1") -> dict[str, str]:
    """A call of gpt-4 as an engine exports it: 1,000 tokens in, 400 of them from the cache, 500 out."""
    return {
        "cost.service": "openai",
        "cost.operation": "gpt-4_a_b",
        "cost.quantity": "1500",
        "cost.unit": "tokens",
        "cost.unit_cost": "0.00004",
        "cost.total_cost": "0.06",
        "cost.source": "price_book",
        "cost.price_id": "openai/gpt-4/2023-03-14",
        "cost.metadata.prompt_tokens": "1000",
        "cost.metadata.completion_tokens": "500",
        "gen_ai.request.model": "gpt-4",
        "gen_ai.provider.name": "openai",
        "gen_ai.usage.input_tokens": "1000",
        "gen_ai.usage.cache_read.input_tokens": "400",
        "gen_ai.usage.output_tokens": "500",
        "user.id": user,
    }


def transcription() -> dict[str, str]:
    """90 seconds of Whisper as an engine exports them."""
    return {
        "cost.service": "whisper",
        "cost.operation": "stt",
        "cost.quantity": "1.5",
        "cost.unit": "minutes",
        "cost.unit_cost": "0.006",
        "cost.total_cost": "0.009",
        "cost.source": "price_book",
        "cost.price_id": "whisper/whisper-1/2023-03-01",
        "cost.usage.seconds": "90",
        "user.id": "u2",
    }


def records(ledger: Ledger) -> list[dict[str, object]]:
    """Every record as readers see it."""
    return ledger.query("SELECT * FROM cost_records ORDER BY span_id")


@pytest.fixture
def book(tmp_path: Path) -> PriceBook:
    """The built-in rows behind new prices of gpt-4 and Whisper."""
    file = tmp_path / "prices.toml"
    file.write_text(NEW_PRICES)
    return PriceBook.with_overrides(file)


@pytest.fixture
def repricer(ledger: Ledger, book: PriceBook) -> Repricer:
    """A re-pricing by the new prices."""
    return Repricer(ledger, book, Calculator(book))
