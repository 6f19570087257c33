"""Cloudflare Stream: each video is charged once, by the duration that the API states once it knows it.

An answer that creates a video (upload, copy, clip, direct upload) usually has no duration yet: its span says
``pending``, and whose video it is is remembered. The first answer about that one video that states its duration makes
the cost record. Ids and start of the record come from the video's uid and its time of creation, else of its upload, so
that another process that reads the same answer makes the same record. Lists of videos are not charged by.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from spanledger.attributes import COST_METADATA_PREFIX, COST_OPERATION, COST_SERVICE, COST_USAGE_PREFIX
from spanledger.calls.outcomes import Outcome, Outcomes
from spanledger.identity import current_identity
from spanledger.values import decimal_text, metadata_attributes, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["StreamCall"]

_TRACER = trace.get_tracer("spanledger.cloudflare_stream", __version__)
_OUTCOMES = Outcomes("cloudflare_stream")

MOST_BYTES: Final = 1024**2
"""Longest answer that is looked into; one about a single video has a few thousand bytes."""

_UPLOADED_AS: Final = "stream-media-id"
"""Header that names the video of a resumable upload, whose answer has no body."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class StreamCall:
    """One call of the API and the answer to it.

    Args:
        method: The request's method.
        path: The request's path.
    """

    def __init__(self, method: str, path: str) -> None:
        self._identity = current_identity()
        reads = method in {"GET", "HEAD"}
        self._span = None if reads else _TRACER.start_span(f"CloudflareStream.{method}", kind=SpanKind.CLIENT)
        self._creates = method == "POST" and path.endswith("/direct_upload")
        self._decode: Callable[[bytes], bytes] | None = None
        self._status: int | None = None
        self._chunks: list[bytes] = []
        self._length = 0
        self._is_over = False

    def answered(self, response: Any) -> None:  # noqa: ANN401 - of either library
        """The head of the response is there."""
        self._status = response.status_code
        if not response.is_success:
            return
        encoding = None if response.is_closed else response.headers.get("content-encoding")
        self._decode = partial(_decoded, type(response), encoding)
        uid = response.headers.get(_UPLOADED_AS)
        if uid:
            self._pending(uid)

    def received(self, chunk: bytes) -> None:
        """Keep a piece of the answer, up to the length that is looked into."""
        self._length += len(chunk)
        if self._length <= MOST_BYTES:
            self._chunks.append(chunk)

    def ended(self, error: BaseException | None, *, complete: bool) -> None:
        """Look at the answer, and end the span of a call that changes something.

        Args:
            error: What the call failed with; None if it did not.
            complete: Has no effect: an answer that is cut short cannot be read as JSON.
        """
        del complete
        if self._is_over:
            return
        self._is_over = True
        try:
            if error is None and self._decode is not None and self._length <= MOST_BYTES:
                self._look(_video(self._decode(b"".join(self._chunks))))
        finally:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self._span is None:
            return
        if error is not None:
            self._span.set_status(StatusCode.ERROR, text(f"{type(error).__name__}: {error}"))
        elif self._decode is None:
            self._span.set_status(StatusCode.ERROR, f"HTTP {self._status}")
        self._span.end()

    def _look(self, video: Mapping[str, object]) -> None:
        """Charge the video if its duration is stated, else remember it if this call has made it."""
        uid, duration = video.get("uid"), video.get("duration")
        if not isinstance(uid, str) or not uid:
            return
        if isinstance(duration, Decimal) and duration > 0:
            if self._span is not None and not _OUTCOMES.is_settled(uid):
                _OUTCOMES.ask(uid, self._span, self._identity)
            _OUTCOMES.settle(uid, _outcome(uid, duration, video), self._identity)
        elif self._creates or duration is not None:
            self._pending(uid)

    def _pending(self, uid: str) -> None:
        if self._span is not None and not _OUTCOMES.is_settled(uid):
            _OUTCOMES.ask(uid, self._span, self._identity)
            self._span.set_attributes(metadata_attributes(COST_METADATA_PREFIX, {"uid": uid, "state": "pending"}))


def _decoded(response: type[Any], encoding: str | None, body: bytes) -> bytes:
    """A body as the library would decode it."""
    if encoding is None:
        return body
    content: bytes = response(200, headers={"content-encoding": encoding}, content=body).content
    return content


def _video(body: bytes) -> Mapping[str, object]:
    """The video an answer is about; empty if it is about none, about several, or no JSON."""
    try:
        answer: Any = json.loads(body, parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        return {}
    result: object = cast("Mapping[str, object]", answer).get("result") if isinstance(answer, dict) else None
    return cast("Mapping[str, object]", result) if isinstance(result, dict) else {}


def _outcome(uid: str, seconds: Decimal, video: Mapping[str, object]) -> Outcome:
    """The cost record of a video whose duration is known."""
    known = {"uid": uid, "creator": video.get("creator"), "state": "done"}
    return Outcome(
        span_name="CloudflareStream.video",
        attributes={
            **metadata_attributes(COST_METADATA_PREFIX, known),
            COST_SERVICE: "cloudflare_stream",
            COST_OPERATION: "render",
            f"{COST_USAGE_PREFIX}seconds": decimal_text(seconds),
        },
        started_at=_instant(video.get("created")) or _instant(video.get("uploaded")),
        ended_at=_instant(video.get("readyToStreamAt")),
    )


def _instant(stated: object) -> int | None:
    """Nanoseconds since 1970 of an RFC 3339 time; None if there is none."""
    if not isinstance(stated, str):
        return None
    try:
        at = datetime.fromisoformat(stated)
    except ValueError:
        return None
    return (at.replace(tzinfo=at.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1) * 1_000
