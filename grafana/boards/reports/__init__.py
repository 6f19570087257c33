"""Boards that read the API: every number is the one that the API's own reports give."""

from __future__ import annotations

from boards.reports.cost import COST
from boards.reports.health import HEALTH
from boards.reports.performance import PERFORMANCE
from boards.reports.prompts import PROMPTS
from boards.reports.users import USERS

__all__ = ["BOARDS"]

BOARDS = (COST, USERS, PROMPTS, PERFORMANCE, HEALTH)
"""All of them."""
