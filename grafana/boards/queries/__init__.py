"""Boards that read the tables with SQL, for readers who would rather write their own next to them."""

from __future__ import annotations

from boards.queries.cost import COST
from boards.queries.health import HEALTH
from boards.queries.performance import PERFORMANCE
from boards.queries.prompts import PROMPTS
from boards.queries.users import USERS

__all__ = ["BOARDS"]

BOARDS = (COST, USERS, PROMPTS, PERFORMANCE, HEALTH)
"""All of them."""
