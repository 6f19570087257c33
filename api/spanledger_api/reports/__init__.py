"""The reports: one module each, holding its path, its parameters, its SQL and its rows."""

from __future__ import annotations

from fastapi import APIRouter

from spanledger_api.reports import bottleneck, prompts, services, trend, users

__all__ = ["router"]

router = APIRouter()
"""Every report under its path."""

for _module in (users, services, trend, prompts, bottleneck):
    router.include_router(_module.router)
