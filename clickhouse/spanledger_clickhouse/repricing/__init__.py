"""Prices records of the past again: shows the difference, then writes it as adjustments that can be undone."""

from __future__ import annotations

from spanledger_clickhouse.repricing.adjustment import read_adjustments
from spanledger_clickhouse.repricing.batch import Batch, BatchKind, BatchState, read_batches
from spanledger_clickhouse.repricing.preview import Change, Preview
from spanledger_clickhouse.repricing.repricer import Repricer
from spanledger_clickhouse.repricing.scope import Scope

__all__ = [
    "Batch",
    "BatchKind",
    "BatchState",
    "Change",
    "Preview",
    "Repricer",
    "Scope",
    "read_adjustments",
    "read_batches",
]
