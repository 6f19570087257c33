"""A ClickHouse server as far as clickhouse-connect needs one: the embedded engine runs whatever its owner asks."""

from __future__ import annotations

import re
import threading
from ast import literal_eval
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qs, urlsplit

from clickhouse_connect.driver.exceptions import ClickHouseError

if TYPE_CHECKING:
    from types import TracebackType

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["ClickHouseServer"]

_INSERT: Final = re.compile(r"\s*INSERT INTO ([`\w.]+)\s*\((.*?)\)\s*.*?FORMAT (\w+)\s*$", re.DOTALL | re.IGNORECASE)
_WITH_DATA: Final = re.compile(rb"(INSERT INTO [^\n]* FORMAT \w+)\n")
_FORMAT: Final = re.compile(r"\s*FORMAT (\w+)\s*;?\s*$", re.IGNORECASE)


class ClickHouseServer:
    """Serves while the block of its context manager runs.

    Args:
        ledger: Where statements run.
        user: The one user there is.
        password: Its password.
    """

    def __init__(self, ledger: Ledger, user: str, password: str) -> None:
        self._ledger = ledger
        self._owner = f"{user}:{password}"
        server: ClickHouseServer = self

        class Handler(_Handler):
            clickhouse = server

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def knows(self, authorization: str) -> bool:
        """Whether it is the user who asks."""
        return b64decode(authorization.removeprefix("Basic ")).decode() == self._owner

    def answer(self, parameters: dict[str, str], body: bytes) -> bytes:
        """Run one statement.

        Raises:
            ClickHouseError: The engine refused it.
        """
        statement, data = _parted(body) if "query" not in parameters else (parameters["query"], body)
        bound = {
            name.removeprefix("param_"): literal_eval(text) if text.startswith("[") else text
            for name, text in parameters.items()
            if name.startswith("param_")
        }
        with self._ledger.borrow() as client:
            if insert := _INSERT.fullmatch(statement):
                table = insert[1].replace("`", "").rpartition(".")[2]
                columns = [name.strip(" `") for name in insert[2].split(",")]
                client.raw_insert(table, columns, insert_block=data, fmt=insert[3])
                return b""
            shape = _FORMAT.search(statement)
            bare = _FORMAT.sub("", statement)
            return client.raw_query(bare, parameters=bound or None, fmt=shape[1] if shape else "TabSeparated")


def _parted(body: bytes) -> tuple[str, bytes]:
    """A statement and the data that may follow it, on a line of their own, in one body."""
    if found := _WITH_DATA.match(body):
        return found[1].decode(), body[found.end() :]
    return body.decode(), b""


class _Handler(BaseHTTPRequestHandler):
    clickhouse: ClickHouseServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say that it lives."""
        self._reply(200, b"Ok.\n")

    def do_POST(self) -> None:
        """Answer one statement."""
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        body = self._read_body()
        if not self.clickhouse.knows(self.headers.get("Authorization", "")):
            self._reply(401, b"Code: 516. Authentication failed")
            return
        try:
            self._reply(200, self.clickhouse.answer({name: values[-1] for name, values in query.items()}, body))
        except ClickHouseError as error:
            self._reply(500, str(error).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing."""

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = bytearray()
            while (length := int(self.rfile.readline(), 16)) > 0:
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = bytearray(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        assert "Content-Encoding" not in self.headers
        return bytes(body)
