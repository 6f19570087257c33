"""One span that says what was used, as the ledger keeps it for the rater."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["UsageSpan"]


@dataclass(frozen=True, slots=True)
class UsageSpan:
    """A row of ``usage_spans_local``.

    Attributes:
        trace_id: The trace, in hex.
        span_id: The span, in hex.
        parent_span_id: Its parent, in hex; all zero for a root.
        started_at: When the span began; it decides which prices apply.
        ended_at: When it ended.
        is_priced: Whether the span states its own amount, so that only its presence matters here.
        response_id: The provider's identifier of the answer; empty if unknown.
        attributes: The attributes that say what was used, as text.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    started_at: datetime
    ended_at: datetime
    is_priced: bool
    response_id: str
    attributes: Mapping[str, str]
