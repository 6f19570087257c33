"""What the result of a video annotation says was used: the length of the footage, once, whatever the features.

The price book charges the length of the video. Several features on one video are listed in the metadata and do not
multiply it; footage of one video that several results cover counts once, and each video of a request counts for itself.
Everything here is read from what the provider keeps with the operation, so every process reads the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from google.cloud.videointelligence_v1 import AnnotateVideoProgress, AnnotateVideoResponse, Feature

from spanledger.attributes import (
    COST_METADATA_PREFIX,
    COST_OPERATION,
    COST_REASON,
    COST_SERVICE,
    COST_SOURCE,
    COST_USAGE_PREFIX,
)
from spanledger.calls.outcomes import Outcome
from spanledger.pricing import CostSource
from spanledger.values import metadata_attributes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spanledger.values import Attribute

__all__ = ["OperationState", "is_annotation", "outcome_of"]

_PACKAGE: Final = "google.cloud.videointelligence."
_NANOSECONDS: Final = 1_000_000_000


class OperationState(Protocol):
    """The message ``google.longrunning.Operation``."""

    name: str
    done: bool
    response: Any
    metadata: Any
    error: Any

    def HasField(self, name: str, /) -> bool:  # noqa: N802 - protobuf's own spelling
        """Whether a field is set."""
        raise NotImplementedError


def is_annotation(state: OperationState) -> bool:
    """Whether the operation is one of Video Intelligence, of any version, by its result or its progress."""
    kinds: tuple[str, str] = (state.response.TypeName(), state.metadata.TypeName())
    return any(kind.startswith(_PACKAGE) for kind in kinds)


def outcome_of(state: OperationState) -> Outcome:
    """What became of a finished operation: a cost record by its footage, or a failure that costs nothing."""
    parts = _entries(AnnotateVideoProgress, "annotation_progress", state.metadata.value)
    started = [part.start_time.ToNanoseconds() for part in parts if part.HasField("start_time")]
    ended = [part.update_time.ToNanoseconds() for part in parts if part.HasField("update_time")]
    features = sorted({Feature(part.feature).name for part in parts if part.feature in set(Feature)})
    known: dict[str, object] = {"operation_name": state.name, "features": features or None}
    error = f"{state.error.code}: {state.error.message}" if state.HasField("error") else None
    if error is None and not state.HasField("response"):
        error = "the operation is done without a result"
    if error is None:
        attributes = _charged(state, known)
    else:
        attributes = metadata_attributes(COST_METADATA_PREFIX, known | {"state": "failed"})
    return Outcome(
        span_name="GoogleVideo.annotation",
        attributes=attributes,
        started_at=min(started, default=None),
        ended_at=max(ended, default=None),
        error=error,
    )


def _charged(state: OperationState, known: dict[str, object]) -> dict[str, Attribute]:
    """The attributes to charge a result by."""
    results = _entries(AnnotateVideoResponse, "annotation_results", state.response.value)
    videos: set[str] = {result.input_uri for result in results}
    known |= {"input_uri": ", ".join(sorted(videos)) or None, "state": "done"}
    charged: dict[str, Attribute] = {
        **metadata_attributes(COST_METADATA_PREFIX, known),
        COST_SERVICE: "google_video_ai",
        COST_OPERATION: "video_analysis",
    }
    lengths = [_covered(result for result in results if result.input_uri == video) for video in videos]
    if not lengths or 0 in lengths:
        reason = "the result does not say which footage was annotated"
        return charged | {COST_SOURCE: CostSource.UNPRICED.value, COST_REASON: reason}
    seconds, rest = divmod(sum(lengths), _NANOSECONDS)
    return charged | {f"{COST_USAGE_PREFIX}seconds": f"{seconds}.{rest:09d}"}


def _entries(message: type[Any], name: str, serialized: bytes) -> list[Any]:
    """The entries of a repeated field, as plain protobuf messages: reading them through proto-plus takes far longer."""
    return list(getattr(message.pb(message.deserialize(serialized)), name))


def _covered(results: Iterable[Any]) -> int:
    """Nanoseconds of one video that its results cover, overlaps once; 0 if they do not say."""
    covered = end = 0
    for first, last in sorted(interval for result in results for interval in _intervals(result)):
        covered += max(last - max(first, end), 0)
        end = max(end, last)
    return covered


def _intervals(result: Any) -> list[tuple[int, int]]:  # noqa: ANN401 - a generated protobuf message
    """The footage of one result: the segment it states, else its shots, which cover a video without gaps."""
    segments = [result.segment] if result.HasField("segment") else list(result.shot_annotations)
    return [
        (segment.start_time_offset.ToNanoseconds(), segment.end_time_offset.ToNanoseconds()) for segment in segments
    ]
