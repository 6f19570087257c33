"""Whatever speaks OTLP can be pointed at the product: totals equal to the last digit, and a repeat changes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.clients.lots import SPANS, Lots
from tests.clients.matrix import CELLS, GENERATOR_CELLS, Cell
from tests.clients.senders import Destination, telemetrygen
from tests.clients.wire import Tap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clients.conftest import Product
    from tests.clients.environments import Environments

_COMPRESSED_SPAN_BYTES = 90
"""A span of these lots takes some 200 bytes, and half as many if only its random identifiers stay as they are."""


@pytest.fixture(autouse=True)
def _begun(environments: Environments) -> None:
    environments.begin("javascript", "json_http", "rotel")


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_totals_are_exact(product: Product, environments: Environments, tmp_path: Path, cell: Cell) -> None:
    """Every span counts with the amount that it states, in whatever form, and once although it came twice."""
    lots = Lots()
    with Tap(product.running.grpc if cell.protocol == "grpc" else product.running.otlp) as tap:
        assert cell.send is not None
        cell.send(lots, Destination(tap.url, cell.compression, environments, tmp_path))
    product.settle()

    assert product.spent_by(lots.once) == (SPANS, lots.total)
    assert product.spent_by(lots.twice) == (SPANS, lots.total)
    assert tap.spoken() == cell.spoken
    assert (tap.received < 3 * SPANS * _COMPRESSED_SPAN_BYTES) == (cell.compression != "none"), tap.received / 3 / SPANS


@pytest.mark.parametrize("cell", GENERATOR_CELLS, ids=lambda cell: cell.name)
def test_a_load_generator_is_counted_to_the_last_span(
    product: Product, environments: Environments, tmp_path: Path, cell: Cell
) -> None:
    """Spans with identifiers of the generator's making, at full speed, all count."""
    user = f"generated-{cell.protocol}"
    with Tap(product.running.grpc if cell.protocol == "grpc" else product.running.otlp) as tap:
        destination = Destination(tap.url, cell.compression, environments, tmp_path)
        telemetrygen(cell.protocol, SPANS, "0.000123456789", user, destination)
    product.settle()

    assert product.spent_by(user) == (SPANS, SPANS * Decimal("0.000123456789"))
    assert tap.spoken() == cell.spoken
