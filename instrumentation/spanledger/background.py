"""Threads of Spanledger's own: daemons that carry nobody's identity and whose requests nobody instruments."""

from __future__ import annotations

import threading
from contextvars import Context
from typing import TYPE_CHECKING

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - what every instrumentation looks at
    attach,
    set_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["run_in_background"]


def run_in_background(work: Callable[[], object], name: str) -> threading.Thread:
    """Start a thread outside every execution, so that it does not go on for one that is over.

    Args:
        work: What the thread does.
        name: The thread's name after ``spanledger-``.
    """

    def run() -> None:
        attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))  # noqa: FBT003 - takes no keyword for it
        work()

    thread = threading.Thread(target=run, name=f"spanledger-{name}", daemon=True)
    Context().run(thread.start)
    return thread
