"""Work that is repeated in the background."""

from __future__ import annotations

import queue
import threading

from spanledger_clickhouse.periodic import Periodic

_LONG_SECONDS = 600.0


def test_what_falls_due_early_is_not_kept_waiting() -> None:
    """An event ends the pause once, and the next pause is a whole one again."""
    calls, due = queue.Queue[None](), threading.Event()
    worker = Periodic("work", lambda: calls.put(None), _LONG_SECONDS, due)
    worker.start()
    calls.get(timeout=60)
    due.set()
    calls.get(timeout=60)
    worker.stop()

    assert calls.empty()


def test_a_worker_ends_in_the_middle_of_a_pause() -> None:
    """To stop it takes no longer than the call that runs."""
    calls = queue.Queue[None]()
    worker = Periodic("work", lambda: calls.put(None), _LONG_SECONDS)
    worker.start()
    calls.get(timeout=60)
    worker.stop()

    assert calls.empty()
