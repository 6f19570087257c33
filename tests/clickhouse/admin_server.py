"""A ClickHouse server that runs whatever it is told, for tests of what needs one: the embedded engine behind HTTP."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.http_interface import ClickHouseInterface, LoopbackAccess
from spanledger_clickhouse.http_interface.answer import Answer
from spanledger_clickhouse.http_interface.body import Body
from spanledger_clickhouse.http_interface.engine import Engine
from spanledger_clickhouse.http_interface.native_blocks import empty_block
from spanledger_clickhouse.ledger import Ledger, open_ledger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from spanledger_clickhouse.http_interface.access import Role
    from spanledger_clickhouse.http_interface.engine import Handle
    from spanledger_clickhouse.http_interface.request import Request

__all__ = ["admin_server"]

_INSERT_OF_DATA = re.compile(rb"\s*(INSERT INTO [^\n]*?) FORMAT Native\s", re.IGNORECASE)
_FORMAT = re.compile(r"\s+FORMAT\s+(\w+)\s*;?\s*\Z")


class _AdminInterface(ClickHouseInterface):
    """Takes every statement as it is, where the real one lets pass only readings and spans."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, LoopbackAccess())
        self._all = Engine(ledger)

    async def _execute(self, request: Request, roles: frozenset[Role], receive: Callable[[], Awaitable[Any]]) -> Answer:
        del roles
        data = request.query.encode() + b"\n" if request.query else b""
        data += await Body(request, receive).read(2**30)
        return await self._work(self._run, request, data)

    def _run(self, request: Request, data: bytes) -> Answer:
        with self._all.open() as handle:
            handle.set({"max_threads": "2", **request.settings}, request.database or "default")
            if insert := _INSERT_OF_DATA.match(data):
                rows = handle.insert(insert[1].decode(), "Native")
                rows.append(data[insert.end() :])
                rows.finish()
                return Answer(iter(()))
            sql = data.decode()
            form = _FORMAT.search(sql)
            output = form[1] if form else request.default_format
            found = handle.run(sql[: form.start()] if form else sql, output, request.parameters).bytes()
            if output == "Native" and not found:
                found = empty_block(self._columns(handle, sql[: form.start()] if form else sql, request))
            return Answer(iter((found,)), output)

    def _columns(self, handle: Handle, sql: str, request: Request) -> list[tuple[str, str]]:
        described = handle.run(f"DESCRIBE TABLE ({sql})", "JSONCompactStringsEachRow", request.parameters).bytes()
        return [(name, kind) for name, kind, *_ in map(json.loads, described.splitlines())]


@contextmanager
def admin_server(directory: Path) -> Generator[str]:
    """A server of its own, as a process; gives the DSN without a database."""
    command = [sys.executable, "-m", "tests.clickhouse.admin_server", str(directory)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip().replace("http://", "clickhouse://")
        finally:
            process.communicate("")


def _main(directory: str) -> None:
    with (
        open_ledger(f"chdb://{directory}") as ledger,
        HttpServer(_AdminInterface(ledger), "127.0.0.1", 0) as server,
    ):
        print(server.url, flush=True)  # noqa: T201 - the answer to the test
        sys.stdin.read()


if __name__ == "__main__":
    _main(sys.argv[1])
