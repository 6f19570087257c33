"""Sets of blocks: which inserts have been seen, on every shard, whatever the order in which they became visible.

A replicated table numbers its blocks within a partition and before they are committed, so a higher number may be there
before a lower one, and numbers of two shards or two partitions have nothing to do with each other. The highest number
says nothing then, the set of numbers everything. A part's name tells an interval of them: a part is merged of
neighbours only when nothing between them can come any more, so that no row of the interval is ever added to it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spanledger_clickhouse.part_name import PartName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Coverage", "Place", "Segment"]

Place = tuple[int, str]
"""A shard's number and the name of a partition: where a block number means one insert."""


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """Blocks that follow each other.

    Attributes:
        first: The lowest number.
        last: The highest.
        mutation: Number of the newest mutation that their rows went through; 0 where there was none. It is of the same
            sequence, and changed blocks with lower numbers only.
    """

    first: int
    last: int
    mutation: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """A set of blocks.

    Attributes:
        segments: By place: what is in the set, ascending and without overlaps. No place is without segments.
    """

    segments: Mapping[Place, tuple[Segment, ...]] = field(default_factory=dict[Place, tuple[Segment, ...]])

    @classmethod
    def of(cls, segments: Iterable[tuple[Place, Segment]]) -> Coverage:
        """The set of what is in any of some segments."""
        found: defaultdict[Place, list[Segment]] = defaultdict(list)
        for place, segment in segments:
            found[place].append(segment)
        return cls({place: _joined(each) for place, each in sorted(found.items())})

    @classmethod
    def of_parts(cls, parts: Iterable[tuple[int, str]]) -> Coverage:
        """The blocks in parts, by the shard's number and the part's name: partition_first_last_level[_mutation]."""
        return cls.of(_of_part(shard, name) for shard, name in parts)

    def common(self, other: Coverage) -> Coverage:
        """What is in both; of a mutation that only one has seen, it is not known."""
        return Coverage.of(
            (place, Segment(max(one.first, two.first), min(one.last, two.last), min(one.mutation, two.mutation)))
            for place in self.segments.keys() & other.segments.keys()
            for one, two in _overlaps(self.segments[place], other.segments[place])
        )

    def without(self, shards: Iterable[int]) -> Coverage:
        """What is on other shards."""
        left_out = set(shards)
        return Coverage({place: each for place, each in self.segments.items() if place[0] not in left_out})

    def covers(self, other: Coverage) -> bool:
        """Whether everything in the other one is in this one, mutations aside."""
        return not other.missing_from(self)

    def missing_from(self, other: Coverage) -> set[Place]:
        """Where this one has blocks that the other one has not."""
        return {
            place
            for place, segments in self.segments.items()
            if _size(segments) != _size(Coverage({place: segments}).common(other).segments.get(place, ()))
        }

    def mutated_in(self, later: Coverage) -> set[Place]:
        """Where a mutation went over blocks of this one before it was looked at later."""
        return {
            place
            for place in self.segments.keys() & later.segments.keys()
            if any(
                two.mutation > max(one.mutation, one.first)
                for one, two in _overlaps(self.segments[place], later.segments[place])
            )
        }


def _of_part(shard: int, name: str) -> tuple[Place, Segment]:
    part = PartName.of(name)
    return (shard, part.partition), Segment(part.first, part.last, part.mutation)


def _joined(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The same blocks in as few segments as there can be; where two overlap, the lower one says the mutation."""
    joined: list[Segment] = []
    for each in sorted(segments):
        if not joined or each.first > joined[-1].last + 1:
            joined.append(each)
        elif each.mutation == joined[-1].mutation:
            joined[-1] = Segment(joined[-1].first, max(joined[-1].last, each.last), each.mutation)
        elif each.last > joined[-1].last:
            joined.append(Segment(joined[-1].last + 1, each.last, each.mutation))
    return tuple(joined)


def _overlaps(ones: tuple[Segment, ...], twos: tuple[Segment, ...]) -> Iterable[tuple[Segment, Segment]]:
    """Segments that have blocks in common, in pairs."""
    left, right = 0, 0
    while left < len(ones) and right < len(twos):
        one, two = ones[left], twos[right]
        if max(one.first, two.first) <= min(one.last, two.last):
            yield one, two
        if one.last <= two.last:
            left += 1
        else:
            right += 1


def _size(segments: Iterable[Segment]) -> int:
    return sum(each.last - each.first + 1 for each in segments)
