"""Sums by hour and day that never differ from the records they are sums of."""

from __future__ import annotations

from spanledger_clickhouse.rollups.distinct import Records
from spanledger_clickhouse.rollups.family import ACTIVITY, STEPS, USERS, Family, Measure, Source
from spanledger_clickhouse.rollups.moment import arrivals_now, one_moment
from spanledger_clickhouse.rollups.reading import (
    RECORDS_ONLY,
    ReadingPlan,
    find_execution,
    find_executions,
    plan_reading,
)
from spanledger_clickhouse.rollups.recollection import ask_recent, keep_up
from spanledger_clickhouse.rollups.stretches import Stretch, any_stretch, recent_records_within, records_within
from spanledger_clickhouse.rollups.sweeping import RollupSweeper
from spanledger_clickhouse.rollups.verification import Mismatch, RollupVerifier, repair, verify_rollups
from spanledger_clickhouse.rollups.worker import RollupWorker

__all__ = [
    "ACTIVITY",
    "RECORDS_ONLY",
    "STEPS",
    "USERS",
    "Family",
    "Measure",
    "Mismatch",
    "ReadingPlan",
    "Records",
    "RollupSweeper",
    "RollupVerifier",
    "RollupWorker",
    "Source",
    "Stretch",
    "any_stretch",
    "arrivals_now",
    "ask_recent",
    "find_execution",
    "find_executions",
    "keep_up",
    "one_moment",
    "plan_reading",
    "recent_records_within",
    "records_within",
    "repair",
    "verify_rollups",
]
