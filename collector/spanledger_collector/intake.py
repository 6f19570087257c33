"""The gate behind every receiver: what comes through is on disk, and everything is counted."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from concurrent.futures import Future
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import (
    AuthenticationError,
    InvalidRequestError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitedError,
)
from spanledger_collector.frames import SEAL_LENGTH, frame
from spanledger_collector.refusals import BodyTooLargeError, UnsupportedEncodingError
from spanledger_collector.requests import validate

if TYPE_CHECKING:
    from collections.abc import Generator

    from spanledger.exceptions import SpanledgerError
    from spanledger_collector.segments import SegmentLog

__all__ = ["Intake", "Refusal"]

_log = logging.getLogger(__name__)

_RECENT_REQUESTS: Final = 65_536


class Refusal(StrEnum):
    """Why a request was not taken, as the metrics name it."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    LIMITED = "limited"
    OVERLOADED = "overloaded"
    INTERNAL = "internal"


class Intake:
    """Takes requests from the receivers and appends them to the write-ahead log.

    Attributes:
        acknowledged: Requests that were synced.
        acknowledged_spans: The spans they carried, repeats included.
        repeated: Acknowledged requests with the very bytes of a recent one. They are kept and loaded like any other and
            change no total; the count tells how much senders repeat.
        refused: Requests that were not taken, by reason.

    Args:
        log: Where the requests go.
    """

    def __init__(self, log: SegmentLog) -> None:
        self.acknowledged = 0
        self.acknowledged_spans = 0
        self.repeated = 0
        self.refused: Counter[Refusal] = Counter()
        self._log = log
        self._recent: OrderedDict[tuple[int, bytes], None] = OrderedDict()

    def submit(self, body: bytes) -> Future[None]:
        """Check a request in protobuf and write it.

        Returns:
            Done once the request is on disk.

        Raises:
            InvalidRequestError: The bytes are no request.
            OverloadedError: There is no room for it now.
        """
        spans = validate(body)
        synced: Future[None] = Future()
        framed = frame(body)
        # The frame's own length and checksum tell it from others; the thread that calls back is the one that writes.
        digest = (len(framed), framed[-SEAL_LENGTH:])
        synced.add_done_callback(lambda future: self._count(future, spans, digest))
        self._log.append(framed, synced)
        return synced

    def _count(self, synced: Future[None], spans: int, digest: tuple[int, bytes]) -> None:
        if synced.cancelled() or synced.exception() is not None:
            return
        self.acknowledged += 1
        self.acknowledged_spans += spans
        self.repeated += digest in self._recent
        self._recent[digest] = None
        self._recent.move_to_end(digest)
        if len(self._recent) > _RECENT_REQUESTS:
            self._recent.popitem(last=False)

    @contextmanager
    def counting(self) -> Generator[None]:
        """Count what becomes of one request, and turn any trouble of our own into "try again".

        A sender drops what is answered with an internal error, so a fault here must look like a lack of room.

        Raises:
            InvalidRequestError: As the block raised it, and so are errors of a key that is missing or may not send.
            OverloadedError: As the block raised it, or in place of an unforeseen error, which is logged.
        """
        try:
            yield
        except (InvalidRequestError, AuthenticationError, PermissionDeniedError, RateLimitedError) as error:
            self.refused[_reason(error)] += 1
            raise
        except OverloadedError:
            self.refused[Refusal.OVERLOADED] += 1
            raise
        except Exception as error:
            self.refused[Refusal.INTERNAL] += 1
            _log.exception("A request was refused because of an unforeseen error")
            message = "The collector could not keep the request; send it again."
            raise OverloadedError(message) from error


def _reason(error: SpanledgerError) -> Refusal:
    match error:
        case AuthenticationError():
            return Refusal.UNAUTHENTICATED
        case PermissionDeniedError():
            return Refusal.FORBIDDEN
        case RateLimitedError():
            return Refusal.LIMITED
        case BodyTooLargeError():
            return Refusal.TOO_LARGE
        case UnsupportedEncodingError():
            return Refusal.UNSUPPORTED
        case _:
            return Refusal.MALFORMED
