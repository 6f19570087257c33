"""Advice on objects that nobody reads: only where reads are seen, and only what is stored now."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from spanledger import attributes
from spanledger_api.app import create_app
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[[], list[dict[str, object]]]

_READ = """
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanAttributes)
SELECT {at:DateTime64(6, 'UTC')}, lower(hex(randomString(16))), lower(hex(randomString(8))), 'S3.GetObject',
    map({bucket_attribute:String}, {bucket:String}, {key_attribute:String}, {key:String})
"""
# The ledger forgets spans by its own clock, so this is the one time that does.
NOW = datetime.now(UTC)
_OLD = NOW - timedelta(days=20)


def _put(key: str, at: datetime = _OLD, cost: str = "0.01", bucket: str = "media", part: str = "") -> Span:
    metadata = {"bucket": bucket, "key": key, "part": part, "bytes": str(1024**3)}
    return Span(service="s3", operation="upload", cost=Decimal(cost), start=at, metadata=metadata)


def _read(ledger: Ledger, key: str, at: datetime, bucket: str = "media") -> None:
    prefix = attributes.COST_METADATA_PREFIX
    names = {"bucket_attribute": f"{prefix}bucket", "key_attribute": f"{prefix}key"}
    ledger.command(_READ, {"at": at, "bucket": bucket, "key": key, **names})


@pytest.fixture
def get(ledger: Ledger) -> Get:
    """Ask for the advice on idle storage, of the last two months."""
    client = TestClient(create_app(ledger, clock=lambda: NOW))
    window = {"from": (NOW - timedelta(days=60)).strftime("%Y-%m-%dT%H:%M:%SZ")}

    def ask() -> list[dict[str, object]]:
        answer = client.get("/api/analytics/recommendations", params=window)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, object]] = json.loads(answer.text, parse_float=Decimal)
        return [row for row in rows if row["type"] == "idle_storage"]

    return ask


def test_what_nobody_reads_can_be_saved(ledger: Ledger, get: Get) -> None:
    """Of five objects those are idle that were not read for two weeks; parts make one object, the last one counts."""
    recent = NOW - timedelta(days=13)
    parts = [_put("parts", part=number, cost="0.02") for number in ("1", "2")]
    replaced = [_put("replaced", cost="5"), _put("replaced", _OLD + timedelta(hours=1), cost="0.04")]
    store(ledger, [*parts, *replaced, _put("read"), _put("read long ago"), _put("young", recent)])
    _read(ledger, "read", recent)
    _read(ledger, "read long ago", NOW - timedelta(days=15))

    [advice] = get()

    assert advice["data"] == {
        "bucket": "media",
        "objects_count": 3,
        "bytes_stored": 4 * 1024**3,
        "total_cost": Decimal("0.09"),
        "idle_days": 14,
    }
    assert (advice["saving_low"], advice["saving_high"], advice["priority"]) == (0, Decimal("0.09"), "low")
    assert len(advice["evidence"]) == 3  # type: ignore[arg-type]  # a list
    assert advice["id"] == get()[0]["id"]


def test_where_no_read_is_seen_nothing_is_known(ledger: Ledger, get: Get) -> None:
    """A bucket whose readers are not metered is left out, whatever is read elsewhere."""
    store(ledger, [_put("a"), _put("b", bucket="other")])
    _read(ledger, "c", NOW - timedelta(days=1), bucket="third")

    assert get() == []
