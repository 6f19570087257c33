"""The paths of alerts and budgets."""

from fastapi import APIRouter

from spanledger_api.alerts.routes import alerts, budgets, channels, mutes, preview, rules

__all__ = ["router"]

router = APIRouter()
# The most special paths first: an alert's id could be a word else.
for module in (rules, mutes, channels, preview, alerts, budgets):
    router.include_router(module.router)
