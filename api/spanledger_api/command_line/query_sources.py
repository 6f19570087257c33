"""Where ``spanledger query`` asks: the embedded engine behind the screen, a server read-only, or a ClickHouse port."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO, Final, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from spanledger import environment
from spanledger.exceptions import ConfigurationError, InvalidRequestError, LedgerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["ask_ledger", "ask_port"]

_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}
_PIECE_BYTES: Final = 256 * 1024
_SERVER_SETTINGS: Final = {"readonly": 1, "max_execution_time": 30, "do_not_merge_across_partitions_select_final": 1}
_TIMEOUT_SECONDS: Final = 60


@contextmanager
def ask_ledger(ledger: Ledger, sql: str, form: str, parameters: Mapping[str, str]) -> Generator[Iterator[bytes]]:
    """The answer of the ledger, in pieces.

    An embedded engine runs only what the screen of its ClickHouse port lets pass, inside the same limits; a server is
    asked in its own read-only mode.

    Args:
        ledger: An open ledger.
        sql: One statement that reads.
        form: ClickHouse's name of the format.
        parameters: Values of the statement's ``{name:Type}`` places.

    Raises:
        InvalidRequestError: The statement does more than read, names a format of its own, or fails.
    """
    if not ledger.dsn.embedded:
        with ledger.borrow() as client:
            raw = client.raw_stream(sql, parameters=dict(parameters), settings=_SERVER_SETTINGS, fmt=form)
            with closing(cast("BinaryIO", raw)) as source:
                yield _pieces(source)
        return
    from spanledger_clickhouse.http_interface.engine import Engine  # noqa: PLC0415 - the engine is slow to load
    from spanledger_clickhouse.http_interface.request import Request as PortRequest  # noqa: PLC0415
    from spanledger_clickhouse.http_interface.statements import read  # noqa: PLC0415

    sent = {"default_format": form, **{f"param_{name}": value for name, value in parameters.items()}}
    answer = read(Engine(ledger), PortRequest("POST", "/", sent, {}), sql)
    with answer.resources:
        if answer.output_format != form:
            message = f"The statement asks for FORMAT {answer.output_format}; leave that out and use --format."
            raise InvalidRequestError(message)
        yield answer.parts


@contextmanager
def ask_port(url: str, sql: str, form: str, parameters: Mapping[str, str]) -> Generator[Iterator[bytes]]:
    """The answer of a ClickHouse port, in pieces; arguments as of :func:`ask_ledger`.

    The key of ``SPANLEDGER_API_KEY`` is shown if it is set.

    Raises:
        ConfigurationError: The address is not one of HTTP.
        InvalidRequestError: The statement is refused or fails.
        LedgerUnavailableError: Nothing answers there.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        message = f"The address {url!r} is not one; write http://host:port."
        raise ConfigurationError(message)
    named = {f"param_{name}": value for name, value in parameters.items()}
    words = urlencode({"default_format": form, "database": "spanledger", **named})
    request = Request(f"{url.rstrip('/')}/?{words}", data=sql.encode(), method="POST")  # noqa: S310 - checked above
    if key := os.environ.get(environment.API_KEY):
        request.add_unredirected_header("X-ClickHouse-Key", key)
    # A proxy that the environment names cannot reach this machine's own loopback.
    opener = build_opener(ProxyHandler({})) if urlsplit(url).hostname in _LOOPBACK else build_opener()
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            yield _pieces(cast("IO[bytes]", response))
    except HTTPError as error:
        with error:
            raise InvalidRequestError(error.read().decode(errors="replace").strip()) from error
    except URLError as error:
        message = f"No ClickHouse port answers at {url} ({error.reason}); is `spanledger up --clickhouse-port` running?"
        raise LedgerUnavailableError(message) from error


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(_PIECE_BYTES):
        yield piece
