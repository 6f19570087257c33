"""On whose behalf the engine works right now: one frozen value in the OpenTelemetry context.

It travels with the context into asyncio tasks, and never leaves the process in a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from opentelemetry.context import create_key, get_value, set_value

from spanledger.attributes import IDENTITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

__all__ = ["Identity", "current_identity", "with_identity"]


@dataclass(frozen=True)
class Identity:
    """What is stamped on every span started in a context; None is not known and stamps nothing.

    Attributes:
        user_id: The user on whose behalf the work is done.
        execution_id: The task execution.
        task_type: The kind of task.
        step_name: The step of the task.
        step_span_id: Span id of the enclosing step in hex; None on the step's own span.
        prompt_category: The prompt's category.
        prompt_name: The prompt's name within its category.
    """

    user_id: str | None = None
    execution_id: str | None = None
    task_type: str | None = None
    step_name: str | None = None
    step_span_id: str | None = None
    prompt_category: str | None = None
    prompt_name: str | None = None

    @cached_property
    def attributes(self) -> Mapping[str, str]:
        """What is known, under the names of :mod:`spanledger.attributes`."""
        values = (
            self.user_id,
            self.execution_id,
            self.task_type,
            self.step_name,
            self.step_span_id,
            self.prompt_category,
            self.prompt_name,
        )
        return {name: value for name, value in zip(IDENTITY, values, strict=True) if value is not None}


_NOBODY = Identity()
_KEY = create_key("spanledger-identity")


def current_identity(context: Context | None = None) -> Identity:
    """The identity in a context, all unknown outside any execution; None takes the current context."""
    identity = get_value(_KEY, context)
    return identity if isinstance(identity, Identity) else _NOBODY


def with_identity(identity: Identity, context: Context | None = None) -> Context:
    """A context like the given one (None: the current one) that carries the identity."""
    return set_value(_KEY, identity, context)
