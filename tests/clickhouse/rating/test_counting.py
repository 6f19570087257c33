"""Every call counts once, however many spans describe it and in whatever order they are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from spanledger_clickhouse.rating.counting import counted_spans, has_gap, repeated_elsewhere
from spanledger_clickhouse.rating.usage_span import UsageSpan

_ROOT = "0" * 16


_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _span(span_id: str, parent: str = _ROOT, *, priced: bool = False, response: str = "", says: int = 1) -> UsageSpan:
    attributes = {f"attribute {number}": "1" for number in range(says)}
    return UsageSpan("trace", span_id, parent, _NOON, _NOON, priced, response, attributes)


def _elsewhere(trace_id: str, begin: int, end: int, *, priced: bool = False, says: int = 1) -> UsageSpan:
    """A span of the answer ``r`` that alone makes a trace, from one second to another."""
    at = (_NOON + timedelta(seconds=begin), _NOON + timedelta(seconds=end))
    return replace(
        _span("call", priced=priced, response="r", says=says), trace_id=trace_id, started_at=at[0], ended_at=at[1]
    )


def test_an_agent_does_not_repeat_its_calls() -> None:
    """Of a root that sums up two calls, only the calls count, also when tools that used nothing lie between."""
    spans = [_span("agent"), _span("first", "agent"), _span("second", "tool")]

    assert counted_spans(spans, {"tool": "agent", "agent": _ROOT}) == {"first", "second"}


def test_a_wrapper_around_the_same_call_does_not_count() -> None:
    """Of two instrumentations, one around the other, the inner one counts."""
    assert counted_spans([_span("outer"), _span("inner", "outer")], {}) == {"inner"}


def test_an_own_amount_wins_inside_and_outside() -> None:
    """A span that states its amount counts; what surrounds it and what lies in it does not."""
    spans = [_span("agent"), _span("own", "agent", priced=True), _span("inner", "own")]

    assert counted_spans(spans, {}) == {"own"}


def test_one_answer_is_one_call() -> None:
    """Of siblings with the same response the one with its own amount counts, else the one that says most."""
    assert counted_spans([_span("a", response="r", says=3), _span("b", response="r", priced=True)], {}) == {"b"}
    assert counted_spans([_span("a", response="r"), _span("b", response="r", says=3)], {}) == {"b"}
    assert counted_spans([_span("b", response="r"), _span("a", response="r")], {}) == {"a"}


def test_one_answer_in_two_traces_is_one_call() -> None:
    """Of two traces that tell of one answer at one time, that with an amount counts, else the one that says most."""
    first, more = _elsewhere("a", 0, 2), _elsewhere("b", 1, 3, says=3)

    assert repeated_elsewhere([first, more]) == {("a", "call")}
    assert repeated_elsewhere([replace(first, is_priced=True), more]) == {("b", "call")}
    assert repeated_elsewhere([first, replace(more, response_id="")]) == set()


def test_an_answer_from_a_cache_is_a_call_of_its_own() -> None:
    """The same answer at another time, or in spans of one trace that both count there, is not told twice."""
    assert repeated_elsewhere([_elsewhere("a", 0, 2), _elsewhere("b", 3, 4)]) == set()
    assert repeated_elsewhere([_elsewhere("a", 0, 2), replace(_elsewhere("a", 0, 2), span_id="other")]) == set()


def test_calls_side_by_side_all_count() -> None:
    """Without a response identifier, and with different ones, siblings are different calls."""
    spans = [_span("a"), _span("b"), _span("c", response="r"), _span("d", response="s")]

    assert counted_spans(spans, {}) == {"a", "b", "c", "d"}


def test_a_circle_of_parents_ends() -> None:
    """Parents that run in a circle, which no sender should make, do not hang the rater."""
    assert counted_spans([_span("a", "b"), _span("b", "a")], {"a": "b", "b": "a"}) == set()


def test_a_gap_is_noticed() -> None:
    """With two usage spans and an unknown parent above one of them, a line between them may still appear."""
    assert has_gap([_span("a"), _span("b", "unknown")], {})
    assert not has_gap([_span("a"), _span("b", "tool")], {"tool": "a"})
    assert not has_gap([_span("b", "unknown")], {})


_trees = st.lists(st.tuples(st.integers(0, 100), st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(_trees, st.randoms())
def test_the_order_of_arrival_does_not_matter(tree: list[tuple[int, bool, bool]], rng: st.DrawFn) -> None:
    """Whatever the tree, no counted span lies in another one's line, and shuffling changes nothing."""
    parents = {"s0": _ROOT}
    spans: list[UsageSpan] = []
    for number, (above, used, priced) in enumerate(tree):
        parent = f"s{above % number}" if number else _ROOT
        parents[f"s{number}"] = parent
        if used:
            spans.append(_span(f"s{number}", parent, priced=priced))
    counted = counted_spans(spans, parents)
    shuffled = list(spans)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]

    assert counted_spans(shuffled, parents) == counted
    priced_ids = {span.span_id for span in spans if span.is_priced}
    for span_id in counted - priced_ids:
        line: list[str] = []
        while span_id != _ROOT:
            span_id = parents[span_id]  # noqa: PLW2901
            line.append(span_id)
        assert not counted & set(line)
