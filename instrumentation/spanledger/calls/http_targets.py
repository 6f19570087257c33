"""Which HTTP requests are paid for, by host and path.

Patterns are globs (``*`` matches anything, also slashes) without scheme. CloudFront is recognised by its host, with a
port where the URL has one; Cloudflare Stream by host and path.
"""

from __future__ import annotations

import fnmatch
import os
import re
from typing import TYPE_CHECKING, Final

from spanledger.environment import CLOUDFLARE_STREAM_URLS, CLOUDFRONT_HOSTS
from spanledger.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_cloudflare_stream", "is_cloudfront", "set_targets"]

DEFAULT_CLOUDFRONT_HOSTS: Final = ("*.cloudfront.net",)
"""Hosts that are CloudFront without being named."""

DEFAULT_CLOUDFLARE_STREAM_URLS: Final = (
    "api.cloudflare.com/client/v4/accounts/*/stream",
    "api.cloudflare.com/client/v4/accounts/*/stream/*",
)
"""Addresses that are Cloudflare Stream without being named."""


def _compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern.lower()) for pattern in patterns), re.IGNORECASE)


_PATTERNS: Final = {
    CLOUDFRONT_HOSTS: _compiled(DEFAULT_CLOUDFRONT_HOSTS),
    CLOUDFLARE_STREAM_URLS: _compiled(DEFAULT_CLOUDFLARE_STREAM_URLS),
}


def set_targets(cloudfront_hosts: Iterable[str] | None, cloudflare_stream_urls: Iterable[str] | None) -> None:
    """Recognise more requests than those to the providers' own domains.

    Args:
        cloudfront_hosts: Patterns of hosts, e.g. ``cdn.example.com``; None takes ``SPANLEDGER_CLOUDFRONT_HOSTS``.
        cloudflare_stream_urls: Patterns of host and path, e.g. ``proxy.example.com/stream*``; None takes
            ``SPANLEDGER_CLOUDFLARE_STREAM_URLS``.

    Raises:
        ConfigurationError: A pattern is empty or has a scheme, so that it could never match.
    """
    hosts = _asked(CLOUDFRONT_HOSTS, cloudfront_hosts)
    urls = _asked(CLOUDFLARE_STREAM_URLS, cloudflare_stream_urls)
    _PATTERNS[CLOUDFRONT_HOSTS] = _compiled((*DEFAULT_CLOUDFRONT_HOSTS, *hosts))
    _PATTERNS[CLOUDFLARE_STREAM_URLS] = _compiled((*DEFAULT_CLOUDFLARE_STREAM_URLS, *urls))


def is_cloudfront(host: str) -> bool:
    """Whether downloads from a host, written with its port where that is not the default one, are CloudFront's."""
    return _PATTERNS[CLOUDFRONT_HOSTS].match(host) is not None


def is_cloudflare_stream(host: str, path: str) -> bool:
    """Whether an address is of Cloudflare Stream's API.

    Args:
        host: The host, with its port where that is not the default one.
        path: The path without query.
    """
    return _PATTERNS[CLOUDFLARE_STREAM_URLS].match(host + path) is not None


def _asked(variable: str, given: Iterable[str] | None) -> list[str]:
    """The patterns given, else those of the environment, separated by commas."""
    if given is None:
        patterns = [part.strip() for part in os.environ.get(variable, "").split(",") if part.strip()]
    else:
        patterns = [given] if isinstance(given, str) else list(given)
    for pattern in patterns:
        if not pattern or "://" in pattern:
            message = f"{pattern!r} matches no address: state the host, and the path if any, without a scheme"
            raise ConfigurationError(message)
    return patterns
