"""A request as ClickHouse's HTTP protocol lays it out: everything but the body."""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from spanledger_clickhouse.http_interface.access import Credentials
from spanledger_clickhouse.http_interface.failures import Code, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Request"]

_PROTOCOL: Final = frozenset(
    {
        *("buffer_size", "client_protocol_version", "compress", "database", "decompress", "default_format"),
        *("enable_http_compression", "http_headers_progress_interval_ms", "http_response_buffer_size"),
        *("http_write_exception_in_output_format", "http_zlib_compression_level", "password", "query", "query_id"),
        *("quota_key", "role", "send_progress_in_http_headers", "session_check", "session_id", "session_timeout"),
        *("stacktrace", "user", "wait_end_of_query"),
    }
)
_PARAMETER: Final = "param_"
_TRUE: Final = frozenset({"1", "true"})


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Attributes:
        method: HTTP method.
        path: Path without the query string.
        sent: Parameters of the query string; of a repeated one the last.
        headers: Headers by lower-case name; of a repeated one the last.
        address: Where it comes from; empty where that is not known.
    """

    method: str
    path: str
    sent: Mapping[str, str]
    headers: Mapping[str, str]
    address: str = ""

    @classmethod
    def read(cls, scope: Mapping[str, Any]) -> Request:
        """Read the head as ASGI hands it over."""
        method, path, query_string = scope["method"], scope["path"], scope["query_string"]
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        sent = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
        decoded = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
        client = scope.get("client")
        return cls(method, path, sent, decoded, str(client[0]) if client else "")

    @property
    def query(self) -> str:
        """The statement in the URL; empty where it is in the body alone."""
        return self.sent.get("query", "")

    @property
    def database(self) -> str:
        """The database that the request asks for; empty where it does not."""
        return self.sent.get("database") or self.headers.get("x-clickhouse-database", "")

    @property
    def default_format(self) -> str:
        """Format of answers to statements that name none."""
        return self.sent.get("default_format") or self.headers.get("x-clickhouse-format") or "TabSeparated"

    @property
    def query_id(self) -> str:
        """The client's name for the statement, or a new one."""
        asked = self.sent.get("query_id", "")
        return asked if asked.isascii() and asked.isprintable() and asked else str(uuid.uuid4())

    @property
    def protocol_version(self) -> int:
        """Revision of the native protocol that the client would like answers in; 0 for the plain form."""
        asked = self.sent.get("client_protocol_version", "0")
        return int(asked) if asked.isdecimal() and len(asked) < len("1000000000") else 0

    @property
    def parameters(self) -> dict[str, str]:
        """Values of the statement's ``{name:Type}`` places."""
        return {
            name.removeprefix(_PARAMETER): value for name, value in self.sent.items() if name.startswith(_PARAMETER)
        }

    @property
    def settings(self) -> dict[str, str]:
        """What is neither the protocol's nor a parameter: settings of the engine."""
        return {
            name: value
            for name, value in self.sent.items()
            if name not in _PROTOCOL and not name.startswith(_PARAMETER)
        }

    @property
    def framed_body(self) -> bool:
        """Whether the body is in ClickHouse's own frames."""
        return self.sent.get("decompress") in _TRUE

    @property
    def framed_answer(self) -> bool:
        """Whether the answer is to be in ClickHouse's own frames."""
        return self.sent.get("compress") in _TRUE

    @property
    def accepted_encodings(self) -> str:
        """``Accept-Encoding`` where the client wants it applied; empty otherwise."""
        wanted = self.sent.get("enable_http_compression") in _TRUE
        return self.headers.get("accept-encoding", "") if wanted else ""

    @property
    def credentials(self) -> Credentials:
        """Who sends it: by header, basic authentication or parameters, in this order.

        Raises:
            StatementError: The authorization header cannot be read.
        """
        user = self.headers.get("x-clickhouse-user")
        key = self.headers.get("x-clickhouse-key")
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if user is None and key is None and scheme.lower() == "basic":
            user, key = _basic(token)
        if user is None and key is None and scheme.lower() == "bearer":
            key = token.strip()
        if user is None and key is None:
            user, key = self.sent.get("user"), self.sent.get("password")
        host = urlsplit(f"//{self.headers.get('host', '')}").hostname or ""
        from_page = "origin" in self.headers or self.headers.get("sec-fetch-site", "none") not in {
            "none",
            "same-origin",
        }
        return Credentials(user or "default", key or "", host, from_page, self.address)


def _basic(token: str) -> tuple[str, str]:
    try:
        user, _, key = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        message = "The Authorization header is not basic authentication."
        raise StatementError(Code.AUTHENTICATION_FAILED, message) from error
    return user, key
