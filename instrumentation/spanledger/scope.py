"""One kind of block in five forms: ``with``, ``async with``, and decorator of functions, coroutines and generators.

A :class:`Scope` says what to begin; an :class:`Entry` is one beginning: the OpenTelemetry context to be active in and
what to do at the end. A generator's body is in the context only while it runs: between two values the caller is not.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from contextlib import contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from opentelemetry.context import attach, detach

from spanledger.endings import telling
from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context

__all__ = ["Entry", "Scope"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Entry(Generic[T]):
    """One beginning of a scope.

    Args:
        value: What ``with … as`` binds.
        context: The context that the body runs in; None leaves the caller's.
        finish: Called once with the exception that ended the body, or with None; None has nothing to finish.
    """

    def __init__(
        self, value: T, context: Context | None = None, finish: Callable[[BaseException | None], None] | None = None
    ) -> None:
        self.value = value
        self._context = context
        self._finish = finish
        self._token: Token[Context] | None = None

    def activate(self) -> None:
        """Make the entry's context the current one."""
        with guarded("scope.activate"):
            self._token = None if self._context is None else attach(self._context)

    def deactivate(self) -> None:
        """Make the context current again that was so before."""
        token, self._token = self._token, None
        with guarded("scope.deactivate"):
            if token is not None:
                detach(token)

    def close(self, error: BaseException | None) -> None:
        """Finish the entry; an exception that only says the work is over is no failure."""
        with guarded("scope.close"):
            if self._finish is not None:
                self._finish(None if _is_regular_end(error) else error)

    @contextmanager
    def active(self) -> Generator[None]:
        """Be in the entry's context for a while."""
        self.activate()
        try:
            yield
        finally:
            self.deactivate()

    def closing(self) -> telling:
        """Close the entry when the body ends, with the exception that ended it."""
        return telling(self.close)


def _is_regular_end(error: BaseException | None) -> bool:
    """A consumer that closes a generator early, and ``sys.exit(0)``, end the work without failing it."""
    if isinstance(error, SystemExit):
        return error.code in (None, 0)
    return isinstance(error, GeneratorExit)


class Scope(ABC, Generic[T]):
    """A block that may be entered again and again, one entry inside the other too.

    As a decorator every call is an entry of its own, whatever the threads and tasks. One object in several ``with``
    statements at once belongs to one thread or task.
    """

    def __init__(self) -> None:
        self._entries: list[Entry[T]] = []

    @abstractmethod
    def begin(self) -> Entry[T]:
        """Begin anew. Must not raise: what fails inside is guarded, and the body runs without telemetry."""

    def __enter__(self) -> T:
        entry = self.begin()
        entry.activate()
        self._entries.append(entry)
        return entry.value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, trace
        entry = self._entries.pop()
        entry.deactivate()
        entry.close(error)

    async def __aenter__(self) -> T:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Run each call of a function, coroutine function or (asynchronous) generator function inside the scope."""
        if inspect.isasyncgenfunction(function):
            return cast("Callable[P, R]", self._around_async_generator(function))
        if inspect.isgeneratorfunction(function):
            return cast("Callable[P, R]", self._around_generator(function))
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, R]", self._around_coroutine(function))

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            entry = self.begin()
            with entry.closing(), entry.active():
                return function(*args, **kwargs)

        return run

    def _around_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        async def run(*args: object, **kwargs: object) -> object:
            entry = self.begin()
            with entry.closing(), entry.active():
                return await function(*args, **kwargs)

        return run

    def _around_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def run(*args: object, **kwargs: object) -> Generator[object, object, object]:
            entry = self.begin()
            with entry.closing():
                return (yield from _in_context(entry, function(*args, **kwargs)))

        return run

    def _around_async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        async def run(*args: object, **kwargs: object) -> AsyncGenerator[object, object]:
            entry = self.begin()
            with entry.closing():
                inner: AsyncGenerator[object, object] = function(*args, **kwargs)
                advance = inner.asend(None)
                while True:
                    try:
                        with entry.active():
                            value = await advance
                    except StopAsyncIteration:
                        return
                    try:
                        advance = inner.asend((yield value))
                    except GeneratorExit:
                        with entry.active():
                            await inner.aclose()
                        raise
                    except BaseException as error:  # noqa: BLE001 - whatever is thrown in belongs to the inner generator
                        advance = inner.athrow(error)

        return run


def _in_context(entry: Entry[Any], inner: Generator[object, object, object]) -> Generator[object, object, object]:
    """Drive a generator so that its body, and only its body, runs in the entry's context."""
    resume: Callable[[], object] = partial(next, inner)
    while True:
        try:
            with entry.active():
                value = resume()
        except StopIteration as stop:
            return stop.value
        try:
            sent = yield value
        except GeneratorExit:
            with entry.active():
                inner.close()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever is thrown in belongs to the inner generator
            resume = partial(inner.throw, error)
        else:
            resume = partial(inner.send, sent)
