"""Stretches of time in which the records themselves are read, and the SQL that reads no more than it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Stretch", "any_stretch", "recent_records_within", "records_within"]

Stretch = tuple[int, int]
"""A half-open stretch of time, in nanoseconds since 1970 UTC."""


def any_stretch(_stretch: Stretch) -> bool:
    """Whether a stretch may be taken as a whole by a question that tells no times apart: any may."""
    return True


def records_within(stretches: Sequence[Stretch]) -> tuple[str, dict[str, object]]:
    """A condition on records whatever they are, and what it binds.

    The same record may be there with two starts on one day, in two parts of the table. ``FINAL`` keeps one of them if
    it meets both, so no part is left out that has records of one of these days.
    """
    return _within(
        "(toDate(started_at) >= toDate({from}) AND toDate(started_at) <= toDate({to} - toIntervalNanosecond(1))"
        " AND identity(started_at) >= {from} AND identity(started_at) < {to})",
        "stretch",
        stretches,
    )


def recent_records_within(stretches: Sequence[Stretch]) -> tuple[str, dict[str, object]]:
    """The same of records each of which has one start; it may stand before ``FINAL``, as ``PREWHERE``."""
    return _within("(started_at >= {from} AND started_at < {to})", "recent", stretches)


def _within(condition: str, name: str, stretches: Sequence[Stretch]) -> tuple[str, dict[str, object]]:
    said: list[str] = []
    bound: dict[str, object] = {}
    for number, (first, after) in enumerate(stretches):
        edges = {"from": f"{name}_{number}_from", "to": f"{name}_{number}_to"}
        words = condition
        for edge, parameter in edges.items():
            words = words.replace(f"{{{edge}}}", f"fromUnixTimestamp64Nano({{{parameter}:Int64}}, 'UTC')")
        said.append(words)
        bound |= {edges["from"]: first, edges["to"]: after}
    return f"({' OR '.join(said)})", bound
