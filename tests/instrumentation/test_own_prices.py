"""A contract's prices, from the engine's own file to the exported record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanledger
from spanledger import environment
from spanledger.exceptions import PriceBookError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ROW = """
[[price]]
id = "s3/contract/2020-01-01"
service = "s3"
effective_from = 2020-01-01
source = "https://example.com/contract"
shown_in = "GB"
currency = "EUR"
[price.meters]
bytes = { price = "0.0077", per = "1", unit = "GB" }

[[price]]
id = "openai/gpt-4/discount/2020-01-01"
service = "openai"
model = "gpt-4"
effective_from = 2020-01-01
source = "https://example.com/contract"
shown_in = "tokens"
[price.meters]
input_tokens = { price = "0.024", per = "1000", unit = "tokens" }
output_tokens = { price = "0.048", per = "1000", unit = "tokens" }

[[price]]
id = "s3/contract/2999-01-01"
service = "s3"
effective_from = 2999-01-01
source = "https://example.com/contract"
shown_in = "GB"
[price.meters]
bytes = { price = "999", per = "1", unit = "GB" }
"""


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Takes what an engine exports that the test configures."""
    spanledger.shutdown()
    yield InMemorySpanExporter()
    spanledger.shutdown()


def costs(exporter: InMemorySpanExporter) -> list[Mapping[str, object]]:
    """Attributes of every cost record."""
    assert spanledger.flush()
    return [dict(span.attributes or {}) for span in exporter.get_finished_spans()]


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_contract_prices_what_it_names(
    exporter: InMemorySpanExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """In its own currency and with its discount, from its day on; everything else keeps the book's price."""
    path = tmp_path / "prices.toml"
    path.write_text(ROW)
    if by == "environment":
        monkeypatch.setenv(environment.PRICES, str(path))
    spanledger.configure(exporter=exporter, prices=path if by == "argument" else None)

    spanledger.record_cost(service="s3", operation="upload", quantity=10, unit="GB")
    trace.get_tracer("test").start_span(
        "chat",
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 500,
        },
    ).end()
    spanledger.record_cost(service="cloudfront", operation="download", quantity=10, unit="GB")

    told = [(cost["cost.total_cost"], cost["cost.currency"], cost["cost.price_id"]) for cost in costs(exporter)]
    assert told[0] == ("0.077", "EUR", "s3/contract/2020-01-01")
    assert told[1] == ("0.048", "USD", "openai/gpt-4/discount/2020-01-01")
    assert told[2][:2] == ("0.85", "USD")


def test_what_happened_before_the_contract_keeps_the_books_price(
    exporter: InMemorySpanExporter, tmp_path: Path
) -> None:
    """The price is that of the day the work was done, however late it is exported."""
    path = tmp_path / "prices.toml"
    path.write_text(ROW)
    spanledger.configure(exporter=exporter, prices=path)
    start = int(datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 10**9
    attributes: dict[str, str | int] = {"cost.service": "s3", "cost.quantity": 1, "cost.unit": "GB"}
    trace.get_tracer("test").start_span("upload", attributes=attributes, start_time=start).end()

    [cost] = costs(exporter)
    assert (cost["cost.total_cost"], cost["cost.currency"]) == ("0.01", "USD")


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (
            ROW.replace('price = "0.0077"', "price = 0.0077"),
            r"prices.toml:2: price row s3/contract/2020-01-01: .*price",
        ),
        (ROW.replace('currency = "EUR"', 'currency = "euro"'), r"prices.toml:2: .*currency must be an ISO 4217"),
        (ROW.replace('unit = "tokens" }', 'unit = "bottles" }', 1), r"prices.toml:12: .*unknown unit 'bottles'"),
        (ROW.replace('model = "gpt-4"', 'modell = "gpt-4"'), r"prices.toml:12: .*modell is no field"),
        ("[[price]\n", r"prices.toml: .*line 1"),
    ],
)
def test_a_bad_file_stops_the_engine_at_its_start(
    exporter: InMemorySpanExporter, tmp_path: Path, broken: str, complaint: str
) -> None:
    """With file, line, row and field; an engine that was configured before is not touched."""
    path = tmp_path / "prices.toml"
    path.write_text(broken)

    with pytest.raises(PriceBookError, match=complaint):
        spanledger.configure(exporter=exporter, prices=path)
    spanledger.configure(exporter=exporter)
    spanledger.record_cost(service="s3", operation="upload", quantity=1, unit="GB")
    assert len(costs(exporter)) == 1
