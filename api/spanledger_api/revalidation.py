"""Reports on closed periods: an entity tag that changes whenever a record of the period does.

A window is closed once it ended a while ago. What it holds can still change, by a late span or a new price; every such
write leaves its time with the day it concerns, so the newest of those times stands for the whole content.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger.version import __version__
from spanledger_api.access.dependencies import principal_of
from spanledger_api.filters import Where
from spanledger_api.rows import ask, integer
from spanledger_api.times import nanoseconds_of

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from spanledger_api.window import Window
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["GRACE", "REVALIDATED", "closed_tag", "is_known"]

GRACE: Final = timedelta(minutes=5)
"""How long ago a window must have ended to count as closed."""

REVALIDATED: Final = "private, no-cache"
"""``Cache-Control`` of a closed period: only the reader itself may keep it, asking each time whether it still holds."""

_SETTLED_MS: Final = 60_000
"""No insert takes longer than this, so a change that is older can be read in full, and a newer one has a later time."""

_CHANGED: Final = Template("""
SELECT toUnixTimestamp64Milli(max(changed)) AS changed, toUnixTimestamp64Milli(now64(3)) AS now
FROM arrivals
WHERE $where
""")


def closed_tag(request: Request, ledger: Ledger, window: Window, now: datetime) -> str | None:
    """The strong entity tag of a report on a closed window.

    Args:
        request: Its path, query and the headers that an answer varies by are part of the tag.
        ledger: What the report reads.
        window: All that it reads.
        now: The current time, aware.

    Returns:
        The tag, quoted; None while the window is open or was written to just now.
    """
    if window.end is None or window.end > nanoseconds_of(now - GRACE):
        return None
    days = Where(
        (
            "day >= toDate32(fromUnixTimestamp64Nano({first:Int64}, 'UTC'))",
            "day <= toDate32(fromUnixTimestamp64Nano({last:Int64}, 'UTC'))",
        ),
        {"first": window.start, "last": window.end},
    )
    (row,) = ask(ledger, _CHANGED, days)
    changed = integer(row, "changed")
    if changed > integer(row, "now") - _SETTLED_MS:
        return None
    # The body depends on the coding too: a strong tag stands for the very bytes.
    coding = "gzip" if "gzip" in request.headers.get("Accept-Encoding", "") else "identity"
    parts = (
        __version__,
        request.url.path,
        *sorted(f"{name}={value}" for name, value in request.query_params.items()),
        str(window.start),
        str(window.end),
        str(changed),
        coding,
        str(principal_of(request).scope),
    )
    return f'"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the reader already holds what the tag stands for (``If-None-Match``)."""
    stated = request.headers.get("If-None-Match", "")
    return stated.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in stated.split(","))
