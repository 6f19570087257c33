"""The blocks an engine marks its work with: executions, their steps, and prompts.

Each is a ``with`` block, an ``async with`` block, and a decorator of functions, coroutine functions and generators::

    with spanledger.execution("material_analysis", user_id="user-123") as execution:
        with spanledger.step("video_analysis"):
            ...
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, StatusCode, format_span_id, set_span_in_context

from spanledger.attributes import EXECUTION_STATUS, STEP_METADATA_PREFIX
from spanledger.clock import now_ns
from spanledger.guard import guarded
from spanledger.identity import Identity, current_identity, with_identity
from spanledger.open_blocks import OpenBlock, TerminatedError
from spanledger.scope import Entry, Scope
from spanledger.values import metadata_attributes, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Execution", "execution", "prompt", "step"]

_TRACER = trace.get_tracer("spanledger", __version__)


@dataclass(frozen=True, slots=True)
class Execution:
    """One task execution, as ``with execution(...) as`` binds it.

    Attributes:
        id: The id in every report: the one given, or a fresh UUID.
        user_id: The user on whose behalf it runs; None if not known.
        task_type: The kind of task.
    """

    id: str
    user_id: str | None
    task_type: str


class execution(Scope[Execution]):  # noqa: N801 - reads as a statement: with execution("material_analysis"): ...
    """Make everything inside one execution of a task, for one user.

    The ledger shows it as ``running`` at once, and as ``completed`` or ``failed`` with its error at the end. An
    exception passes unchanged. Inside another execution, the inner one is a task of its own for the same user.

    Args:
        task_type: The kind of task, e.g. ``material_analysis``.
        user_id: The user on whose behalf the work is done; None takes that of the enclosing execution, if any.
        execution_id: The id in every report; None makes a fresh UUID for each entry.
    """

    def __init__(self, task_type: str, *, user_id: str | None = None, execution_id: str | None = None) -> None:
        super().__init__()
        self._task_type = task_type
        self._user_id = user_id
        self._execution_id = execution_id

    def begin(self) -> Entry[Execution]:
        """Start the execution's root span and its ``running`` marker."""
        value = Execution(str(uuid4()), None, "")
        with guarded("execution.begin"):
            known = current_identity().user_id if self._user_id is None else text(self._user_id)
            given = value.id if self._execution_id is None else text(self._execution_id)
            value = Execution(given, known, text(self._task_type))
            context = with_identity(Identity(known, given, value.task_type))
            started_at = now_ns()
            root = _TRACER.start_span(f"execution {value.task_type}", context, start_time=started_at)
            context = set_span_in_context(root, context)
            with guarded("execution.marker"):
                marker = _TRACER.start_span(
                    f"execution.started {value.task_type}",
                    context,
                    attributes={EXECUTION_STATUS: "running"},
                    start_time=started_at,
                )
                marker.end(started_at)
            return Entry(value, context, OpenBlock(partial(_finish_execution, root)))
        return Entry(value)


class step(Scope[Span]):  # noqa: N801 - reads as a statement: with step("video_analysis"): ...
    """Measure one step of the task: its length, whether it failed and with which error.

    ``as`` binds the step's OpenTelemetry span. An exception passes unchanged.

    Args:
        name: The step's name, e.g. ``video_analysis``.
        metadata: Details of the performance record, e.g. sizes; None adds none.
    """

    def __init__(self, name: str, *, metadata: Mapping[str, object] | None = None) -> None:
        super().__init__()
        self._name = name
        self._metadata = metadata

    def begin(self) -> Entry[Span]:
        """Start the step's span; what is inside inherits the step's name and span id."""
        with guarded("step.begin"):
            own = replace(current_identity(), step_name=text(self._name), step_span_id=None)
            context = with_identity(own)
            span = _TRACER.start_span(f"step {own.step_name}", context, attributes=self._attributes())
            if span.is_recording():
                own = replace(own, step_span_id=format_span_id(span.get_span_context().span_id))
            context = set_span_in_context(span, with_identity(own, context))
            return Entry(span, context, OpenBlock(partial(_finish, span)))
        return Entry(INVALID_SPAN)

    def _attributes(self) -> Mapping[str, str | bool | int | float]:
        with guarded("step.metadata"):
            return metadata_attributes(STEP_METADATA_PREFIX, self._metadata)
        return {}


class prompt(Scope[None]):  # noqa: N801 - reads as a statement: with prompt("video_selection", "pick"): ...
    """Name the prompt that the calls inside are made with; opens no span of its own.

    Args:
        category: The prompt's category, e.g. ``video_selection``.
        name: The prompt's name within its category, e.g. ``segment_select``.
    """

    def __init__(self, category: str, name: str) -> None:
        super().__init__()
        self._category = category
        self._name = name

    def begin(self) -> Entry[None]:
        """Add the prompt to the identity of what is inside."""
        with guarded("prompt.begin"):
            inner = replace(current_identity(), prompt_category=text(self._category), prompt_name=text(self._name))
            return Entry(None, with_identity(inner))
        return Entry(None)


def _finish_execution(root: Span, error: BaseException | None) -> None:
    root.set_attribute(EXECUTION_STATUS, "completed" if error is None else "failed")
    _finish(root, error)


def _finish(span: Span, error: BaseException | None) -> None:
    """End a span as a success, or as failed with ``type: message``."""
    with guarded("span.status"):
        if error is None:
            span.set_status(StatusCode.OK)
        elif isinstance(error, TerminatedError):
            span.set_status(StatusCode.ERROR, "terminated")
        else:
            span.set_status(StatusCode.ERROR, _described(error))
            span.record_exception(error, escaped=True)
    span.end()


def _described(error: BaseException) -> str:
    """``type: message`` of an exception, or its type alone where its message cannot be had."""
    kind = type(error).__name__
    with guarded("span.error_message"):
        return text(f"{kind}: {error}")
    return kind
