"""Sets of blocks are told from the names of parts, and no change of them goes unnoticed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spanledger_clickhouse.rollups.coverage import Coverage, Place, Segment

_places = st.tuples(st.integers(1, 2), st.sampled_from(("202602", "202603")))
_blocks = st.frozensets(st.tuples(_places, st.integers(0, 12)), max_size=30)


def _covering(blocks: frozenset[tuple[Place, int]]) -> Coverage:
    return Coverage.of((place, Segment(block, block)) for place, block in blocks)


def _within(coverage: Coverage) -> frozenset[tuple[Place, int]]:
    return frozenset(
        (place, block)
        for place, segments in coverage.segments.items()
        for segment in segments
        for block in range(segment.first, segment.last + 1)
    )


@given(_blocks, _blocks)
def test_a_coverage_is_a_set_of_blocks(ones: frozenset[tuple[Place, int]], twos: frozenset[tuple[Place, int]]) -> None:
    """What two have in common, whether one has the other, and where it has not, are those of plain sets."""
    one, two = _covering(ones), _covering(twos)

    assert _within(one) == ones
    assert _within(one.common(two)) == ones & twos
    assert one.covers(two) == (ones >= twos)
    assert one.missing_from(two) == {place for place, _ in ones - twos}
    assert _within(one.without([1])) == {(place, block) for place, block in ones if place[0] != 1}


@given(_blocks)
def test_a_coverage_has_no_more_segments_than_it_must(blocks: frozenset[tuple[Place, int]]) -> None:
    """Blocks that follow each other are one segment, however they came."""
    gaps = {(place, block) for place, block in blocks if (place, block - 1) not in blocks}

    assert sum(map(len, _covering(blocks).segments.values())) == len(gaps)


def test_a_part_covers_what_lies_between_its_blocks() -> None:
    """A block that was never committed can no longer come once a part was merged around it."""
    apart = Coverage.of_parts([(1, "202603_0_0_0"), (1, "202603_2_2_0")])
    merged = Coverage.of_parts([(1, "202603_0_2_1")])

    assert not apart.covers(merged)
    assert merged.covers(apart)
    assert apart.common(merged) == apart


def test_a_late_block_with_a_low_number_is_not_covered() -> None:
    """A block that becomes visible after a higher one changes something, whatever was seen before."""
    before = Coverage.of_parts([(1, "202603_7_7_0"), (2, "202603_6_6_0")])

    assert not before.covers(Coverage.of_parts([(1, "202603_6_6_0"), (1, "202603_7_7_0")]))


def test_a_mutation_is_of_the_blocks_before_it() -> None:
    """It is seen in each part it comes to, and not in later ones that are merged with those."""
    before = Coverage.of_parts([(1, "202603_1_1_0"), (1, "202603_3_3_0"), (1, "202603_6_6_0")])
    half = Coverage.of_parts([(1, "202603_1_1_0_5"), (1, "202603_3_3_0"), (1, "202603_6_6_0")])
    done = Coverage.of_parts([(1, "202603_1_3_1_5"), (1, "202603_6_6_0")])
    merged = Coverage.of_parts([(1, "202603_1_6_2_5")])

    assert before.mutated_in(half) == {(1, "202603")}
    assert half.mutated_in(done) == {(1, "202603")}
    assert done.mutated_in(merged) == set()
    assert done.mutated_in(done) == set()


def test_a_mutation_counts_once_every_replica_has_it() -> None:
    """Of what one replica has mutated and another has not, the older state is held to be known."""
    old, new = Coverage.of_parts([(1, "202603_1_4_1")]), Coverage.of_parts([(1, "202603_1_4_1_5")])

    assert old.common(new) == old
    assert old.common(new).mutated_in(new) == {(1, "202603")}
