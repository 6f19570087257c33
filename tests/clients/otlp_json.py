"""OTLP requests in JSON, as a person writes them by hand for curl."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["request_json"]


def request_json(spans: Iterable[Mapping[str, str | int | float]]) -> bytes:
    """One request with a span of random identity for each mapping of attributes."""
    now = time.time_ns()
    written = [
        {
            "traceId": os.urandom(16).hex(),
            "spanId": os.urandom(8).hex(),
            "name": "paid call",
            "kind": 1,
            "startTimeUnixNano": str(now),
            "endTimeUnixNano": str(now + 1_000_000),
            "attributes": [{"key": key, "value": _value(value)} for key, value in attributes.items()],
        }
        for attributes in spans
    ]
    service = {"key": "service.name", "value": {"stringValue": "curl"}}
    resource_spans = {"resource": {"attributes": [service]}, "scopeSpans": [{"spans": written}]}
    return json.dumps({"resourceSpans": [resource_spans]}).encode()


def _value(value: str | float) -> dict[str, str | float]:
    match value:
        case str():
            return {"stringValue": value}
        case int():
            return {"intValue": str(value)}
        case _:
            return {"doubleValue": value}
