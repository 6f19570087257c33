"""Sending again, by hand, what waits in the spool or was refused; and giving it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spanledger.otlp import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spanledger.otlp import Courier
    from spanledger.spool import Segment, Spool

__all__ = ["Held", "Resent", "discard", "held", "resend"]


@dataclass(frozen=True, slots=True)
class Held:
    """One file of a spool.

    Attributes:
        name: The file's name.
        state: ``waiting`` for its collector, or ``refused`` by it.
        since: When it was begun, in UTC.
        spans: How many spans are in it.
        bytes: Their encoded size.
    """

    name: str
    state: str
    since: datetime
    spans: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Resent:
    """What became of one file.

    Attributes:
        name: The file's name.
        spans: How many of its spans were delivered.
        outcome: ``delivered``, and removed; ``refused`` once more, or ``away``, and kept.
        reason: Why it was not delivered; empty if it was.
    """

    name: str
    spans: int
    outcome: str
    reason: str


def held(spool: Spool) -> list[Held]:
    """What is in a spool, the refused files last; what another process is writing is left out."""
    files: list[Held] = []
    for state, names in (("waiting", spool.waiting()), ("refused", spool.refused())):
        for name in names:
            with spool.claim(name) as segment:
                if segment is not None:
                    files.append(_described(name, state, segment))
    return files


def resend(spool: Spool, courier: Courier, names: Sequence[str]) -> Iterator[Resent]:
    """Deliver files once more, and remove those that are taken; ends at the first that finds the collector away.

    A file of which only some requests are taken stays; sent again, its spans count once.

    Args:
        spool: Where the files are.
        courier: To their collector.
        names: Which files; one that is gone, or that another process holds, is passed over.
    """
    for name in names:
        with spool.claim(name) as segment:
            if segment is None:
                continue
            delivered, answer = _deliver(courier, segment)
            if answer.outcome is Outcome.DELIVERED:
                segment.remove()
            yield Resent(name, delivered, answer.outcome.value, answer.reason)
            if answer.outcome is Outcome.AWAY:
                return


def discard(spool: Spool, names: Sequence[str]) -> int:
    """Remove refused files for good.

    Args:
        spool: Where the files are.
        names: Which; what is not refused is passed over.

    Returns:
        How many spans are lost by it.
    """
    lost = 0
    for name in [name for name in spool.refused() if name in set(names)]:
        with spool.claim(name) as segment:
            if segment is not None:
                lost += sum(parcel.spans for parcel in segment.parcels())
                segment.remove()
    return lost


def _described(name: str, state: str, segment: Segment) -> Held:
    parcels = list(segment.parcels())
    since = datetime.fromtimestamp(int(name.partition("-")[0]) // 1_000_000_000, UTC)
    return Held(name, state, since, sum(one.spans for one in parcels), sum(len(one.body) for one in parcels))


def _deliver(courier: Courier, segment: Segment) -> tuple[int, Answer]:
    """Spans that were taken, and the first answer that takes nothing more, else the last one."""
    delivered, answer = 0, Answer(Outcome.DELIVERED)
    for parcel in segment.parcels():
        answer = courier.deliver(parcel)
        if answer.outcome is not Outcome.DELIVERED:
            break
        delivered += parcel.spans
    return delivered, answer
