"""A ClickHouse HTTP port on loopback, as far as collectors' exporters need one, over the embedded ledger.

It answers what clickhouse-go asks before it inserts, loads what is inserted, and keeps every request as it came.
README.md beside this file shows the requests.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qs, urlsplit

from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger_collector.rows import COLUMNS
from tests.collector.otelcol.block_frames import read_frames, write_frames

if TYPE_CHECKING:
    from types import TracebackType

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["ClickHousePort", "Received"]

_HELLO: Final = "SELECT displayName(), version(), revision(), timezone()"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came.

    Attributes:
        path: Path without the parameters.
        parameters: Parameters of the URL, each with its last value.
        headers: Headers in lower case.
        body: The body with transfer coding and frames undone.
        raw: The body with only the transfer coding undone.
    """

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes
    raw: bytes

    @property
    def statement(self) -> str:
        """The SQL, wherever the client put it."""
        return self.parameters.get("query") or self.body.decode()


@dataclass
class ClickHousePort:
    """Serves while the block of its context manager runs.

    Args:
        ledger: Where statements run.
        table: Where the rows of every insert go, whichever table the insert names.
        answers_lost: How many inserts are loaded and then answered with an error all the same.
    """

    ledger: Ledger
    table: str
    answers_lost: int = 0
    received: list[Received] = field(default_factory=list[Received])
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Self:
        port: ClickHousePort = self

        class Handler(_Handler):
            clickhouse = port

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def inserts(self) -> list[Received]:
        """The inserts among the requests, in order of arrival."""
        return [request for request in self.received if request.statement.lstrip().startswith("INSERT")]

    def wait_for_inserts(self, count: int, timeout: float = 20) -> bool:
        """Wait until so many inserts were loaded; False if they were not within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.inserts()) >= count, timeout)

    def answer(self, request: Received) -> bytes:
        """Run what was asked; the reply in Native, without frames.

        Raises:
            DatabaseError: The engine refused it.
            ConnectionAbortedError: The answer is to be lost.
        """
        statement = request.statement
        if statement == _HELLO:
            reply = _hello()
        else:
            with self.ledger.borrow() as client:
                if statement.lstrip().startswith("INSERT"):
                    client.raw_insert(self.table, COLUMNS, insert_block=request.body, fmt=statement.split()[-1])
                    reply = b""
                else:
                    reply = client.raw_query(statement, fmt="Native")
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()
            if any(lost is request for lost in self.inserts()[: self.answers_lost]):
                raise ConnectionAbortedError
        return reply


class _Handler(BaseHTTPRequestHandler):
    clickhouse: ClickHousePort
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer one statement."""
        url = urlsplit(self.path)
        parameters = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        raw = self._read_body()
        body = read_frames(raw) if parameters.get("decompress") == "1" else raw
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = 200
        try:
            reply = self.clickhouse.answer(Received(url.path, parameters, headers, body, raw))
        except DatabaseError as error:
            status, reply = 500, str(error).encode()
        except ConnectionAbortedError:
            self.close_connection = True
            return
        # Errors too: the driver undoes the frames before it reads the status.
        self._reply(status, write_frames(reply) if parameters.get("compress") == "1" else reply)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing; tests read what was received."""

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = bytearray()
        while (length := int(self.rfile.readline(), 16)) > 0:
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)


def _hello() -> bytes:
    """The one block that must be laid out for the revision the client claims: with block info and serialization flags.

    It answers revision 0, so that the client reads every later block in the plain form that the engine writes.
    """
    info = b"\x01\x00\x02\xff\xff\xff\xff\x00"
    columns = (
        ("displayName()", "String", _text("spanledger")),
        ("version()", "String", _text("26.9.2.1")),
        ("revision()", "UInt32", bytes(4)),
        ("timezone()", "String", _text("UTC")),
    )
    return info + bytes((len(columns), 1)) + b"".join(_text(n) + _text(t) + b"\0" + data for n, t, data in columns)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return bytes((len(encoded),)) + encoded
