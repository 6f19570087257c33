"""Which usage spans count, so that every call counts once.

Four rules, each about what is known, whatever order it arrived in:

1. A span that repeats what the calls inside it used (an agent, a chain, a second instrumentation around the first) does
   not count: of a usage span and its descendants, the innermost count.
2. Unless a span within that line states its own amount: then it counts, and nothing around or inside it does.
3. Of spans side by side with the same response identifier one counts: the one with its own amount, else the one that
   says most, else the first by identifier.
4. The same holds across traces where the two spans were under way at the same time: two instrumentations of a call that
   nothing surrounds begin a trace each. An answer read from a cache later has its identifier too, and counts.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from spanledger_clickhouse.rating.usage_span import UsageSpan

__all__ = ["counted_spans", "has_gap", "repeated_elsewhere"]

_NO_PARENT = "0" * 16


def counted_spans(spans: Iterable[UsageSpan], parents: Mapping[str, str]) -> set[str]:
    """The identifiers of the usage spans of one trace that count.

    Args:
        spans: The usage spans of one trace.
        parents: Parent by span identifier, for every span of the trace that is known, so that a line is followed
            through spans that used nothing. What is unknown ends a line.
    """
    by_id = {span.span_id: span for span in spans}
    known = {span.span_id: span.parent_span_id for span in by_id.values()} | dict(parents)
    dropped: set[str] = set()
    for span in by_id.values():
        around = [by_id[ancestor] for ancestor in _ancestors(span.span_id, known) if ancestor in by_id]
        if any(outer.is_priced for outer in around) and not span.is_priced:
            dropped.add(span.span_id)
        else:
            dropped.update(outer.span_id for outer in around if not outer.is_priced)
    return set(by_id) - dropped - _repeats(by_id[span_id] for span_id in set(by_id) - dropped)


def repeated_elsewhere(spans: Iterable[UsageSpan]) -> set[tuple[str, str]]:
    """Trace and span identifiers of those that describe, in a trace of their own, a call that another span describes.

    Args:
        spans: The spans of several traces, each of which counts within its own.
    """
    told: dict[str, list[UsageSpan]] = defaultdict(list)
    repeated: set[tuple[str, str]] = set()
    for span in sorted(spans, key=_telling):
        if span.response_id and not span.is_priced and any(_same_call(span, other) for other in told[span.response_id]):
            repeated.add((span.trace_id, span.span_id))
        else:
            told[span.response_id].append(span)
    return repeated


def has_gap(spans: Iterable[UsageSpan], parents: Mapping[str, str]) -> bool:
    """Whether a span that has not arrived may yet turn out to lie between two of these; arguments as above."""
    by_id = {span.span_id: span for span in spans}
    known = {span.span_id: span.parent_span_id for span in by_id.values()} | dict(parents)
    ends = {[span_id, *_ancestors(span_id, known)][-1] for span_id in by_id}
    return len(by_id) > 1 and any(end not in known and end != _NO_PARENT for end in ends)


def _ancestors(span_id: str, parents: Mapping[str, str]) -> Iterator[str]:
    """Parents of a span, nearest first; a circle, which no sender should make, ends where it closes."""
    seen = {span_id}
    while (parent := parents.get(span_id)) is not None and parent not in seen:
        yield parent
        seen.add(parent)
        span_id = parent


def _repeats(spans: Iterable[UsageSpan]) -> set[str]:
    """Of each response, the spans but the one that counts; those with their own amount always count."""
    answered: set[str] = set()
    repeated: set[str] = set()
    for span in sorted(spans, key=_telling):
        if span.response_id and span.response_id in answered and not span.is_priced:
            repeated.add(span.span_id)
        answered.add(span.response_id)
    return repeated


def _telling(span: UsageSpan) -> tuple[bool, int, str, str]:
    """Sorts the span first that shall count."""
    return not span.is_priced, -len(span.attributes), span.span_id, span.trace_id


def _same_call(one: UsageSpan, other: UsageSpan) -> bool:
    apart = one.ended_at < other.started_at or other.ended_at < one.started_at
    return one.trace_id != other.trace_id and not apart
