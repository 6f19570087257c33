"""How a piece of the engine's own work ended, told without touching what ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["telling"]


class telling:  # noqa: N801 - reads as a statement: with telling(finish): ...
    """Calls a function when the block ends; an exception, of whatever kind, passes on as it is.

    Args:
        finish: Called with the exception that ended the block, or with None. It must not raise.
    """

    def __init__(self, finish: Callable[[BaseException | None], object]) -> None:
        self._finish = finish

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell the end."""
        del kind, trace
        self._finish(error)
