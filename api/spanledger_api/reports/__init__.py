"""The reports: one module each, holding its path, its parameters, its SQL and its rows."""

from __future__ import annotations

from fastapi import APIRouter

from spanledger_api.reports import (
    bottleneck,
    breakdown,
    cost_latency,
    critical_path,
    failures,
    forecast,
    latency,
    movers,
    operations,
    pricing_gaps,
    prompts,
    services,
    trend,
    unit_economics,
    usage,
    users,
)

__all__ = ["router"]

router = APIRouter()
"""Every report under its path."""

for _module in (
    *(
        users,
        services,
        trend,
        prompts,
        breakdown,
        operations,
        movers,
        forecast,
        failures,
        unit_economics,
        usage,
        pricing_gaps,
    ),
    *(bottleneck, latency, critical_path, cost_latency),
):
    router.include_router(_module.router)
