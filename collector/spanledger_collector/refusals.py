"""The reasons for which a request is refused, each with its place in the error tree."""

from __future__ import annotations

from spanledger.exceptions import InvalidRequestError

__all__ = ["BodyTooLargeError", "UnsupportedEncodingError"]


class BodyTooLargeError(InvalidRequestError):
    """A request is longer than the receiver takes; the sender must split it."""


class UnsupportedEncodingError(InvalidRequestError):
    """A request is of a content type or compression that the receiver does not read."""
