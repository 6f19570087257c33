"""Which buckets have rested long enough to be summed up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from spanledger_clickhouse.rollups.pointers import Pointer

__all__ = ["Quiet"]


class Quiet:
    """Remembers when buckets changed and how long they took to sum up, so that late spans do not keep a core busy.

    Args:
        seconds: For how long at least a bucket must not have changed before it is due; with 0 it is not waited at all.
        builds: It must not have changed for so many times as long as it took the last time, either.
    """

    def __init__(self, seconds: float, builds: int) -> None:
        self._seconds = seconds
        self._builds = builds
        self._unclean: dict[Hashable, tuple[int, float]] = {}
        self._took: dict[Hashable, float] = {}

    @property
    def awaits_any(self) -> bool:
        """Whether a bucket is unclean, due or not."""
        return bool(self._unclean)

    def is_due(self, bucket: Hashable, pointer: Pointer) -> bool:
        """Whether a bucket must be summed up anew, and has not changed for a while."""
        if pointer.is_clean:
            self._unclean.pop(bucket, None)
            return False
        now = time.monotonic()
        touched, since = self._unclean.get(bucket, (0, now))
        if touched != pointer.touched:
            touched, since = pointer.touched, now
        self._unclean[bucket] = touched, since
        return not self._seconds or now - since >= max(self._seconds, self._builds * self._took.get(bucket, 0))

    def took(self, buckets: Collection[Hashable], seconds: float) -> None:
        """Note how long it took to sum some up together; none of them is awaited any more."""
        self._took |= {bucket: seconds / len(buckets) for bucket in buckets}
        for bucket in buckets:
            self._unclean.pop(bucket, None)

    def forget(self, buckets: Collection[Hashable]) -> None:
        """Note that some are not looked at any more."""
        for bucket in buckets:
            self._unclean.pop(bucket, None)
            self._took.pop(bucket, None)
