"""The demonstration from start to end: ledger up, engines paid, reports read."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spanledger import environment
from spanledger.exceptions import LedgerUnavailableError
from spanledger_api.command_line import up
from spanledger_api.demo.children import Child, signals_held
from spanledger_api.demo.workload import WORKLOAD, expected_cost_records, expected_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from spanledger_api.demo.readings import Past, Reading

_START_SECONDS = 60.0
_WORK_SECONDS = 120.0
_VISIBLE_SECONDS = 30.0
_SECONDS_PER_TOKEN = 0.0002


def up_arguments(dsn: str, api_port: int) -> list[str]:
    """The words after ``spanledger`` that start a ledger on free ports only.

    Args:
        dsn: The ledger.
        api_port: Port of the API; 0 takes a free one as well.
    """
    free = [
        word for option in up.command.params if str(option.name).endswith("_port") for word in (option.opts[0], "0")
    ]
    return ["up", *free, "--api-port", str(api_port), "--dsn", dsn]


class Scenario:
    """One run; as a context manager it ends every process and server that it started.

    Args:
        dsn: The ledger to write to.
        directory: Takes the logs of the processes.
        api_port: Port of the API; 0 takes a free one.

    Attributes:
        api: Base address of the API, once :meth:`run` has returned.
        elapsed: How long each phase took in seconds, in the order in which they ended.
    """

    def __init__(self, dsn: str, directory: Path, api_port: int) -> None:
        self._dsn = dsn
        self._directory = directory
        self._api_port = api_port
        self._running = ExitStack()
        self.api = ""
        self.elapsed: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def run(self, say: Callable[[str], None]) -> Reading:
        """Run every job of the workload and read what the ledger says of it.

        Args:
            say: Called with what is going on, for people.

        Raises:
            ChildError: The ledger or an engine failed.
            LedgerUnavailableError: What was acknowledged did not become visible in time.
        """
        # Jobs start after this instant, and the reports cover what happened since.
        since = datetime.now(UTC).isoformat()
        with self._phase("total"):
            with self._phase("start"):
                self._start()
                say("starting the ledger, its collector and its API")
                from spanledger_api.demo.readings import Reader  # noqa: PLC0415 - while the others import too

                ready = json.loads(self._ledger.line(_START_SECONDS))
                self.api = ready["api"]
            with self._phase("work"):
                self._engines.write_line(json.dumps({environment.OTLP_ENDPOINT: ready["otlp_http"]}))
                failed = _follow(self._engines, say)
            reader, steps = Reader(self.api, since), expected_steps()
            with self._phase("visible"):
                say("waiting for the last record")
                reader.wait(expected_cost_records(), steps, failed, _VISIBLE_SECONDS)
            with self._phase("reports"):
                return reader.read(list(steps), failed)

    def fill(self, days: int, day_done: Callable[[], None]) -> Past:
        """Fill the days before today with what the engines would have done, and read what the ledger says of them.

        Args:
            days: How many days, at least one.
            day_done: Called after each.

        Raises:
            ChildError: The engines failed.
            LedgerUnavailableError: What was acknowledged did not become visible in time.
        """
        from spanledger_api.demo.readings import read_past  # noqa: PLC0415 - loaded by now

        with self._phase("history"):
            self._engines.write_line(json.dumps({"history_days": days}))
            for line in self._engines.lines(_WORK_SECONDS):
                said = json.loads(line)
                if "records" in said:
                    return read_past(self.api, days, said["records"], _VISIBLE_SECONDS)
                day_done()
        message = "the sample engines ended without having written the days before"
        raise LedgerUnavailableError(message)

    def stay(self) -> None:
        """Let the engines go on, a job every few seconds, and keep serving until Ctrl-C.

        Raises:
            ChildError: The ledger or the engines ended by themselves.
        """
        with suppress(KeyboardInterrupt):
            self._engines.write_line(json.dumps({"live": True}))
            self._ledger.wait()

    @contextmanager
    def _phase(self, name: str) -> Generator[None]:
        started = time.monotonic()
        yield
        self.elapsed[name] = round(time.monotonic() - started, 3)

    def _start(self) -> None:
        """Start ledger and engines side by side, as both import for a while before they can do anything."""
        arguments = [
            "up",
            "--dsn",
            self._dsn,
            "--otlp-http-port",
            "0",
            "--otlp-grpc-port",
            "0",
            "--api-port",
            str(self._api_port),
        ]
        self._ledger = self._child("spanledger up", "spanledger_api.command_line", arguments, {})

        from spanledger_api.demo.loopback import paid_services, paid_services_environment  # noqa: PLC0415
        from spanledger_api.http_server import HttpServer  # noqa: PLC0415 - after the ledger has begun to start

        services = HttpServer(paid_services(seconds_per_token=_SECONDS_PER_TOKEN), "127.0.0.1", 0)
        self._running.enter_context(services)
        variables = paid_services_environment(services.url)
        self._engines = self._child("sample engines", "spanledger_api.demo.engines", [], variables)

    def _child(self, name: str, module: str, arguments: list[str], variables: dict[str, str]) -> Child:
        log = self._directory / f"{name.replace(' ', '-')}.log"
        with signals_held():
            return self._running.enter_context(Child(name, module, arguments, log=log, variables=variables))


def _follow(engines: Child, say: Callable[[str], None]) -> list[str]:
    """Wait until the engines have done and delivered every job; returns the executions that failed."""
    failed: list[str] = []
    for done, line in enumerate(engines.lines(_WORK_SECONDS), 1):
        job = json.loads(line)
        if job.get("delivered"):
            break
        say(f"{done} of {len(WORKLOAD)} jobs done: {job['task_type']} for {job['user_id']} {job['status']}")
        if job["status"] == "failed":
            failed.append(job["execution_id"])
    return failed
