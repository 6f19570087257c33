"""Prices what arrived without a price, and recognises what describes a call a second time."""

from __future__ import annotations

from spanledger_clickhouse.rating.rater import Rater

__all__ = ["Rater"]
