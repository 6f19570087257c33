"""Google Video Intelligence: a span when a video is submitted, and one cost record when its result is known.

The result of the long-running operation is seen wherever it arrives: in the futures of the client library, synchronous
or not, in whichever thread polls them, and in what the operations clients of gRPC and REST return. Polls that bring no
result leave no trace. An operation that nobody asks for its result stays a span that says ``pending``, without a cost.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from google.api_core import operations_v1
from google.api_core.operation import Operation
from google.api_core.operation_async import AsyncOperation
from google.cloud import videointelligence_v1
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from spanledger.attributes import COST_METADATA_PREFIX
from spanledger.calls.google_video_result import is_annotation, outcome_of
from spanledger.calls.outcomes import Outcomes
from spanledger.calls.patching import Patch
from spanledger.endings import telling
from spanledger.guard import guarded
from spanledger.values import metadata_attributes, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from opentelemetry.trace import Span

    from spanledger.calls.google_video_result import OperationState

__all__ = ["instrument", "uninstrument"]

_TRACER = trace.get_tracer("spanledger.google_video", __version__)
_OUTCOMES = Outcomes("google_video_ai")


class _Future(Protocol):
    @property
    def operation(self) -> OperationState:
        """The state that the future knows last."""
        raise NotImplementedError


def instrument() -> None:
    """Meter every Video Intelligence client of the process; a second call does nothing."""
    for patch in _PATCHES:
        patch.apply()


def uninstrument() -> None:
    """Meter no Video Intelligence client any more."""
    for patch in _PATCHES:
        patch.remove()


def _annotate_video(original: Callable[..., _Future], client: object, *args: object, **kwargs: object) -> object:
    """Submit a video inside a span; result and exception are the client's own."""
    span = _start(args, kwargs)
    with telling(partial(_failed, span)):
        future = original(client, *args, **kwargs)
    _submitted(span, future)
    return future


async def _annotate_video_async(
    original: Callable[..., Awaitable[_Future]], client: object, *args: object, **kwargs: object
) -> object:
    """Submit a video inside a span; result and exception are the client's own."""
    span = _start(args, kwargs)
    with telling(partial(_failed, span)):
        future = await original(client, *args, **kwargs)
    _submitted(span, future)
    return future


@guarded("google_video.request")
def _start(args: Sequence[object], kwargs: Mapping[str, object]) -> Span:
    """Start the span of a submission, which says what was asked for."""
    span = _TRACER.start_span("GoogleVideo.AnnotateVideo", kind=SpanKind.CLIENT)
    with guarded("google_video.requested"):
        span.set_attributes(metadata_attributes(COST_METADATA_PREFIX, _requested(args, kwargs)))
    return span


@guarded("google_video.failure")
def _failed(span: Span | None, error: BaseException | None) -> None:
    if span is not None and error is not None:
        span.set_status(StatusCode.ERROR, text(f"{type(error).__name__}: {error}"))
        span.end()


@guarded("google_video.submitted")
def _submitted(span: Span | None, future: _Future) -> None:
    """End the span of a submission, and remember whose work it is until the result is known."""
    if span is None:
        return
    name = future.operation.name
    if not _OUTCOMES.is_settled(name):
        _OUTCOMES.ask(name, span)
    span.set_attributes(metadata_attributes(COST_METADATA_PREFIX, {"operation_name": name, "state": "pending"}))
    span.end()


def _requested(args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
    """Features and address of the video, from a request of any form or from keywords."""
    request: Any = kwargs.get("request", args[0] if args else None)
    is_plain = isinstance(request, dict)

    def asked(name: str) -> object:
        return kwargs.get(name) or (request.get(name) if is_plain else getattr(request, name, None))

    features = cast("Iterable[Any]", asked("features") or ())
    names = [one if isinstance(one, str) else videointelligence_v1.Feature(one).name for one in features]
    return {"features": names or None, "input_uri": asked("input_uri") or None}


def _set_result(original: Callable[..., None], future: _Future) -> None:
    """What both kinds of futures do with each state they learn of."""
    original(future)
    with guarded("google_video.future"):
        _see(future.operation)


def _get_operation(
    original: Callable[..., OperationState], client: object, *args: object, **kwargs: object
) -> OperationState:
    state = original(client, *args, **kwargs)
    _see(state)
    return state


async def _get_operation_async(
    original: Callable[..., Awaitable[OperationState]], client: object, *args: object, **kwargs: object
) -> OperationState:
    state = await original(client, *args, **kwargs)
    _see(state)
    return state


@guarded("google_video.result")
def _see(state: OperationState) -> None:
    """Record the outcome of an annotation that is done; leave other operations and unfinished ones alone."""
    ours = state.done and (is_annotation(state) or _OUTCOMES.was_asked(state.name))
    if ours and not _OUTCOMES.is_settled(state.name):
        _OUTCOMES.settle(state.name, outcome_of(state))


def _patches() -> tuple[Patch, ...]:
    """What to replace; the asynchronous REST client is there only with a recent google-auth."""
    replaced: list[tuple[type, str, Callable[..., Any]]] = [
        (videointelligence_v1.VideoIntelligenceServiceClient, "annotate_video", _annotate_video),
        (videointelligence_v1.VideoIntelligenceServiceAsyncClient, "annotate_video", _annotate_video_async),
        (Operation, "_set_result_from_operation", _set_result),
        (AsyncOperation, "_set_result_from_operation", _set_result),
        (operations_v1.OperationsClient, "get_operation", _get_operation),
        (operations_v1.AbstractOperationsClient, "get_operation", _get_operation),
        (operations_v1.OperationsAsyncClient, "get_operation", _get_operation_async),
    ]
    async_rest = getattr(operations_v1, "AsyncOperationsRestClient", None)
    if async_rest is not None:
        replaced.append((async_rest, "get_operation", _get_operation_async))
    return tuple(Patch(owner, name, wrapper) for owner, name, wrapper in replaced)


_PATCHES: Final = _patches()
