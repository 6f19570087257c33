"""Where a ledger is: one string that names an embedded engine or a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from spanledger.exceptions import ConfigurationError

__all__ = ["DEFAULT_DATABASE", "Dsn", "parse_dsn"]

DEFAULT_DATABASE = "spanledger"
"""Database of the ledger where the DSN does not name one."""

_SERVER_SCHEMES = {"clickhouse": False, "clickhouses": True, "http": False, "https": True}


@dataclass(frozen=True, slots=True)
class Dsn:
    """A parsed DSN.

    Attributes:
        path: Directory of the embedded engine; None for a server.
        host: Host of the server's HTTP interface; empty for an embedded engine.
        port: Port of that interface; None takes the scheme's default (8123, or 8443 with TLS).
        username: ClickHouse user; ``default`` where the DSN has none.
        password: Its password; empty where the DSN has none.
        secure: Whether to speak TLS.
        database: Database that holds the ledger.
        cluster: Cluster of servers over which the ledger is spread; empty for a single server.
        settings: ClickHouse settings sent with every statement.
    """

    path: Path | None = None
    host: str = ""
    port: int | None = None
    username: str = "default"
    password: str = field(default="", repr=False)
    secure: bool = False
    database: str = DEFAULT_DATABASE
    cluster: str = ""
    settings: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def embedded(self) -> bool:
        """Whether the engine runs in this process."""
        return self.path is not None


def parse_dsn(text: str) -> Dsn:
    """Read a DSN.

    Args:
        text: ``chdb:///directory`` (``chdb://./directory`` for a relative one) or
            ``clickhouse://user:password@host:8123/database?secure=true&cluster=name&setting=value``.

    Raises:
        ConfigurationError: The text is neither form; the message shows both, never the password.
    """
    parts = urlsplit(text)
    if parts.scheme == "chdb":
        location = unquote(parts.netloc + parts.path)
        if not location:
            message = "The DSN 'chdb://' names no directory; write chdb:///absolute/path or chdb://./relative/path."
            raise ConfigurationError(message)
        settings = dict(parse_qsl(parts.query))
        if "cluster" in settings:
            message = "The DSN of an embedded ledger names a cluster, which only servers form; leave cluster= out."
            raise ConfigurationError(message)
        return Dsn(path=Path(location).expanduser().absolute(), settings=settings)
    if parts.scheme in _SERVER_SCHEMES and parts.hostname:
        settings = dict(parse_qsl(parts.query))
        secure = _SERVER_SCHEMES[parts.scheme] or settings.pop("secure", "").lower() in {"1", "true", "yes"}
        return Dsn(
            host=parts.hostname,
            port=_port(parts.netloc),
            username=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=secure,
            database=parts.path.strip("/") or DEFAULT_DATABASE,
            cluster=_cluster(settings.pop("cluster", "")),
            settings=settings,
        )
    shown = f"{parts.scheme}://…" if parts.scheme else repr(text)
    message = f"The DSN {shown} is not one; write chdb:///directory or clickhouse://user:password@host:8123/database."
    raise ConfigurationError(message)


def _cluster(name: str) -> str:
    if name and not name.replace("_", "").replace("-", "").isalnum():
        message = f"The DSN's cluster {name!r} has characters other than letters, digits, hyphens and underscores."
        raise ConfigurationError(message)
    return name


def _port(netloc: str) -> int | None:
    _, colon, port = netloc.rpartition("@")[2].rpartition(":")
    if not colon or netloc.endswith("]"):
        return None
    if not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the highest TCP port
        message = f"The DSN's port {port!r} is not a number from 0 to 65535."
        raise ConfigurationError(message)
    return int(port)
