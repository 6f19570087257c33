"""The ASGI application: ClickHouse's HTTP protocol over the embedded engine, for analysts and collectors."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from spanledger_clickhouse.http_interface.access import Role
from spanledger_clickhouse.http_interface.answer import Packed, common_headers, pack, refusal
from spanledger_clickhouse.http_interface.body import Body
from spanledger_clickhouse.http_interface.engine import Engine
from spanledger_clickhouse.http_interface.failures import Code, StatementError
from spanledger_clickhouse.http_interface.insert_statement import LONGEST_HEAD, is_insert, read_insert
from spanledger_clickhouse.http_interface.request import Request
from spanledger_clickhouse.http_interface.screen import LONGEST_STATEMENT
from spanledger_clickhouse.http_interface.statements import SpanInsert, read, scope_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterator, MutableMapping

    from spanledger_clickhouse.http_interface.access import Access
    from spanledger_clickhouse.http_interface.answer import Answer
    from spanledger_clickhouse.ledger import Ledger

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

__all__ = ["ClickHouseInterface"]

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_WORKERS: Final = 8
"""Statements that are worked on at the same time."""
_OPEN: Final = 64
"""Requests that may be open: waiting for a worker, or for their client."""
_SENT_AT_ONCE: Final = 1024**2
_READING_METHODS: Final = frozenset({"GET", "HEAD"})


class ClickHouseInterface:
    """Serves one embedded ledger. Stateless: a session id is accepted and means nothing.

    Args:
        ledger: An embedded ledger with the current schema; it must outlive this.
        access: Decides what a request's sender may do.

    Raises:
        ConfigurationError: The ledger is on a server.
    """

    def __init__(self, ledger: Ledger, access: Access) -> None:
        self._ledger = ledger
        self._engine = Engine(ledger)
        self._access = access
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="clickhouse-http")
        self._open = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            self._workers.shutdown(wait=False, cancel_futures=True)
            return
        request = Request.read(scope)
        query_id = request.query_id
        try:
            with self._admitted():
                packed = await self._answer(request, query_id, receive)
                try:
                    await self._send(packed, send)
                finally:
                    await self._work(packed.resources.close)
        except StatementError as error:
            await self._send(refusal(error, request, query_id), send)

    async def _answer(self, request: Request, query_id: str, receive: Receive) -> Packed:
        if request.method not in {"POST", *_READING_METHODS}:
            return _plain(405, "Use GET or POST.\n", query_id)
        greets = request.path == "/" and request.method in _READING_METHODS and not request.query
        if greets or request.path in {"/ping", "/replicas_status"}:
            return _plain(200, "Ok.\n", query_id)
        if request.path != "/":
            return _plain(404, f"There is no handle {request.path}; statements go to /.\n", query_id)
        roles = self._access.roles(request.credentials)
        if not roles:
            message = (
                f"{request.credentials.user}: Authentication failed: the key is incorrect, or there is no such user."
            )
            raise StatementError(Code.AUTHENTICATION_FAILED, message)
        answer = await self._execute(request, roles, receive)
        self._ledger.note_told(time.monotonic())
        return pack(answer, request, query_id)

    async def _execute(self, request: Request, roles: frozenset[Role], receive: Receive) -> Answer:
        if "multipart/form-data" in request.headers.get("content-type", ""):
            message = "Forms and external tables are not supported; send the statement as the body."
            raise StatementError(Code.NOT_IMPLEMENTED, message)
        body = Body(request, receive)
        if is_insert(request.query):
            return await self._insert(request, roles, request.query, b"", body)
        begun = await body.read(LONGEST_HEAD)
        if not request.query and is_insert(head := begun.decode("latin-1")):
            return await self._insert(request, roles, head, begun, body)
        _require(Role.READ, roles)
        begun += await body.read(LONGEST_STATEMENT)
        try:
            text = begun.decode()
        except UnicodeDecodeError as error:
            message = "The statement is not UTF-8."
            raise StatementError(Code.SYNTAX_ERROR, message) from error
        sql = "\n".join(part for part in (request.query, text) if part)
        return await self._work(read, self._engine, request, sql)

    async def _insert(self, request: Request, roles: frozenset[Role], head: str, begun: bytes, body: Body) -> Answer:
        if request.method in _READING_METHODS:
            message = "GET only reads; inserts come by POST."
            raise StatementError(Code.READONLY, message)
        _require(Role.INGEST, roles)
        statement = read_insert(head, self._engine.database, scope_of(self._engine, request).current)
        insert = await self._work(SpanInsert, self._engine, request, statement)
        with ExitStack() as failure:
            # A cancelled request must not leave the insert open, so this is not awaited.
            failure.callback(self._workers.submit, insert.cancel)
            if data := begun[statement.length :]:
                await self._work(insert.append, data)
            async for piece in body.pieces():
                await self._work(insert.append, piece)
            _require_data(len(data) + body.length)
            answer = await self._work(insert.finish)
            failure.pop_all()
        return answer

    async def _send(self, packed: Packed, send: Send) -> None:
        body, ended = await self._work(_gathered, packed.parts)
        if ended:
            packed.headers["content-length"] = str(len(body))
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in packed.headers.items()]
        await send({"type": "http.response.start", "status": packed.status, "headers": headers})
        while not ended:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            try:
                body, ended = await self._work(_gathered, packed.parts)
            except StatementError as error:
                # The status is out. An answer without its end is one that no client takes for complete.
                _log.warning("An answer broke off: %s", error.text.strip())
                return
        await send({"type": "http.response.body", "body": body})

    @contextmanager
    def _admitted(self) -> Generator[None]:
        if self._open >= _OPEN:
            message = f"{_OPEN} requests are open already; try again."
            raise StatementError(Code.TOO_MANY_SIMULTANEOUS_QUERIES, message)
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    async def _work(self, function: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, partial(function, *arguments))


def _require(role: Role, roles: frozenset[Role]) -> None:
    if role not in roles:
        message = f"Not enough privileges: this key may not {role.value}."
        raise StatementError(Code.ACCESS_DENIED, message)


def _require_data(length: int) -> None:
    # A client that repeats an insert may have lost its data; success would hide that.
    if not length:
        message = "The insert has no data."
        raise StatementError(Code.NO_DATA_TO_INSERT, message)


def _gathered(parts: Iterator[bytes]) -> tuple[bytes, bool]:
    """The next parts up to what is sent at once, and whether they were the last."""
    gathered = bytearray()
    for part in parts:
        if not gathered and len(part) >= _SENT_AT_ONCE:
            return part, False
        gathered += part
        if len(gathered) >= _SENT_AT_ONCE:
            return bytes(gathered), False
    return bytes(gathered), True


def _plain(status: int, text: str, query_id: str) -> Packed:
    headers = {**common_headers(query_id), "content-type": "text/html; charset=UTF-8"}
    return Packed(status, headers, iter((text.encode(),)))


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
