"""Replacing a method of a client library, and putting it back."""

from __future__ import annotations

from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Patch"]


class Patch:
    """One method that runs through a wrapper of ours.

    Args:
        owner: The class whose method it is.
        name: The method's name.
        wrapper: Called with the original method and the arguments, ``self`` first; its result is the call's.
    """

    def __init__(self, owner: type, name: str, wrapper: Callable[..., Any]) -> None:
        self._owner = owner
        self._name = name
        self._wrapper = wrapper
        self._replacement: Callable[..., Any] | None = None
        self._original: Callable[..., Any] | None = None

    def apply(self) -> None:
        """Put the wrapper in place; a second call does nothing."""
        if self._replacement is not None:
            return
        original: Callable[..., Any] = getattr(self._owner, self._name)

        @wraps(original)
        def replacement(*args: object, **kwargs: object) -> object:
            """The method, through the wrapper."""
            return self._wrapper(original, *args, **kwargs)

        @wraps(original)
        async def replacement_async(*args: object, **kwargs: object) -> object:
            """The method, through the wrapper."""
            return await self._wrapper(original, *args, **kwargs)

        # Frameworks ask a method whether it is a coroutine function before they call it.
        self._original = original
        self._replacement = replacement_async if iscoroutinefunction(original) else replacement
        setattr(self._owner, self._name, self._replacement)

    def remove(self) -> None:
        """Put the original back, unless somebody else has replaced the method since."""
        if self._replacement is not None and getattr(self._owner, self._name) is self._replacement:
            setattr(self._owner, self._name, self._original)
            self._replacement = None
