"""Processes that the demonstration starts, and that end with it whatever happens."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from spanledger import environment
from spanledger.exceptions import SpanledgerError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

_SETTINGS_OF_THE_USER = ("AWS_", "OPENAI_", "OTEL_", "SPANLEDGER_")
_STOP_SECONDS = 10.0
_LOG_BYTES = 4_000


class ChildError(SpanledgerError):
    """A process that the demonstration needs has ended or is silent.

    Args:
        name: Which one, for people.
        what: What it did.
        log: What it wrote to its stderr last.
    """

    def __init__(self, name: str, what: str, log: str) -> None:
        super().__init__(f"{name} {what}{f', after it wrote: {log}' if log else ''}")


@contextmanager
def signals_held() -> Generator[None]:
    """Let Ctrl-C and SIGTERM wait until the block is over, so that no process is started and then forgotten.

    Blocking them instead would hand the block down to the process. For the main thread only.
    """
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: held.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


class Child:
    """A Python module running in a process of its own; as a context manager, for as long as the block runs.

    Args:
        name: What it is, for people.
        module: The module to run, as after ``python -m``.
        arguments: Its arguments.
        log: File that takes its stderr.
        variables: Its environment, besides that of this process without any settings of the user's own clients.
    """

    def __init__(
        self, name: str, module: str, arguments: list[str], *, log: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        self._name = name
        self._log = log
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=_environment() | dict(variables or {}),
            )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name=f"read-{name}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def write_line(self, line: str) -> None:
        """Write one line to its stdin.

        Raises:
            ChildError: It is gone.
        """
        assert self._process.stdin is not None  # noqa: S101 - Popen was asked for it
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._ended() from error

    def line(self, seconds: float) -> str:
        """The next line of its stdout.

        Raises:
            ChildError: It has ended, or is silent for so many seconds.
        """
        line = self._next(seconds)
        if line is None:
            raise self._ended()
        return line

    def lines(self, seconds: float) -> Iterator[str]:
        """Every further line of its stdout until it ends by itself with success.

        Raises:
            ChildError: It ends with another status, or is not through after so many seconds.
        """
        deadline = time.monotonic() + seconds
        while (line := self._next(deadline - time.monotonic())) is not None:
            yield line
        if self._process.wait():
            raise self._ended()

    def wait(self) -> None:
        """Wait until it ends.

        Raises:
            ChildError: It has ended.
        """
        raise self._ended()

    def stop(self) -> None:
        """End it: ask first, and kill it if it has not ended some seconds later."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - Popen was asked for it
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _next(self, seconds: float) -> str | None:
        try:
            return self._lines.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            raise ChildError(self._name, "does not answer in time", self._log_end()) from None

    def _ended(self) -> ChildError:
        """The error for a process that has closed its stdout, or is about to."""
        status = self._process.wait()
        return ChildError(self._name, f"ended by itself with status {status}", self._log_end())

    def _log_end(self) -> str:
        return self._log.read_bytes()[-_LOG_BYTES:].decode(errors="replace").strip()


def _environment() -> dict[str, str]:
    """This process's environment without settings that would lead the sample engines or the ledger elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == environment.LOCALE or not name.startswith(_SETTINGS_OF_THE_USER)
    }
    # A proxy cannot reach this machine's own loopback.
    return kept | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONUNBUFFERED": "1"}
