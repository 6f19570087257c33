"""The executions and steps that are going on, so that they can be ended where the process ends in the midst of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OpenBlock", "TerminatedError", "end_open_blocks"]

_OPEN: dict[int, OpenBlock] = {}


class TerminatedError(Exception):
    """Why a block failed whose process was ended; never raised."""


class OpenBlock:
    """The end of a block, which happens once: by itself, or with the process.

    Args:
        finish: Ends the block, as failed if it is given an exception.
    """

    def __init__(self, finish: Callable[[BaseException | None], None]) -> None:
        self._finish = finish
        _OPEN[id(self)] = self

    def __call__(self, error: BaseException | None) -> None:
        """End the block, unless it has been ended; in a forked child, where it is the parent's, do nothing."""
        if _OPEN.pop(id(self), None) is not None:
            self._finish(error)


def end_open_blocks(error: BaseException | None) -> None:
    """End every block that is open, the innermost first.

    Args:
        error: Why they failed; None if they did not.
    """
    for block in reversed(list(_OPEN.values())):
        with guarded("open_blocks.end"):
            block(error)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_OPEN.clear)
