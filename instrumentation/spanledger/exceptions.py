"""Every error that Spanledger raises on purpose.

::

    SpanledgerError
    ├── PermanentError            the same call fails again: mend the input
    │   ├── ConfigurationError    a setting, flag or file cannot be used
    │   ├── PriceBookError        a price row is incomplete or contradicts another
    │   ├── PromptError           a prompt file is missing or not valid, or lacks a variable
    │   ├── UnknownPriceError     nothing in the book prices what was asked for
    │   ├── InvalidRequestError   a request names a parameter or carries a body that is not valid
    │   ├── AuthenticationError   a request shows no key or token, or one that is not valid
    │   ├── PermissionDeniedError a key or token is valid and may not do this
    │   ├── DeliveryRefusedError  the receiver of a notice will not take it
    │   └── MigrationError        the ledger's schema is not the one this program knows
    └── RetryableError            the same call may succeed later
        ├── LedgerUnavailableError    the ledger cannot be reached or is held by another process
        ├── RateLimitedError          a sender asks too often; it waits for some seconds
        ├── DeliveryFailedError       the receiver of a notice did not take it this time
        └── OverloadedError           the receiver has no room; the sender keeps the batch

A pipeline needs one distinction only: whether trying again can help. Messages name the bad value and what to do.
"""

from __future__ import annotations

__all__ = [
    "AuthenticationError",
    "ConfigurationError",
    "DeliveryFailedError",
    "DeliveryRefusedError",
    "InvalidRequestError",
    "LedgerUnavailableError",
    "MigrationError",
    "OverloadedError",
    "PermanentError",
    "PermissionDeniedError",
    "PriceBookError",
    "PromptError",
    "RateLimitedError",
    "RetryableError",
    "SpanledgerError",
    "UnknownPriceError",
]


class SpanledgerError(Exception):
    """Base of every error raised on purpose."""


class PermanentError(SpanledgerError):
    """Trying again with the same input fails again."""


class RetryableError(SpanledgerError):
    """Trying again later may succeed."""


class ConfigurationError(PermanentError):
    """A setting, flag or file cannot be used as it is."""


class PriceBookError(PermanentError):
    """A price row is incomplete, malformed or contradicts another row."""


class PromptError(PermanentError):
    """A prompt's file is missing or not valid, a variable is missing, or the client cannot run it."""


class UnknownPriceError(PermanentError):
    """No row of the price book prices what was asked for."""


class InvalidRequestError(PermanentError):
    """A request carries a parameter or body that is not valid.

    Args:
        detail: What is wrong and what would be accepted.
        parameter: Name of the offending parameter, or None where the body as a whole is meant.
    """

    def __init__(self, detail: str, *, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.parameter = parameter


class AuthenticationError(PermanentError):
    """A request shows no key or token, or one that is not valid; the message never repeats it."""


class PermissionDeniedError(PermanentError):
    """A key or token is valid, and whoever holds it may not do this."""


class DeliveryRefusedError(PermanentError):
    """The receiver of a notice will not take it, however often it is sent."""


class MigrationError(PermanentError):
    """The ledger's schema is not the one this program knows."""


class LedgerUnavailableError(RetryableError):
    """The ledger cannot be reached, or another process holds it."""


class RateLimitedError(RetryableError):
    """A sender asks more often than it may.

    Args:
        message: What the limit is.
        retry_after: Whole seconds after which it may ask again, at least 1.
    """

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeliveryFailedError(RetryableError):
    """The receiver of a notice did not take it this time.

    Args:
        detail: What went wrong; never an address that is a secret.
        retry_after: Seconds that it asks to wait; None if it does not say.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class OverloadedError(RetryableError):
    """The receiver has no room for more; the sender keeps what it sent."""
