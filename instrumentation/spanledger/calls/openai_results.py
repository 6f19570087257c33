"""What OpenAI did earlier and tells of now: the results of a batch, and responses that were made in the background.

The same results may be fetched any number of times, in any number of processes. The span of a result has ids made of
the result's own, so that the ledger takes every further one for a repeated delivery.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import INVALID_SPAN, SpanKind, set_span_in_context

from spanledger.attributes import COST_METADATA_PREFIX, GEN_AI_OPERATION, GEN_AI_PROVIDER, GEN_AI_REQUEST_MODEL
from spanledger.calls.openai_call import answer_attributes
from spanledger.calls.openai_tools import charge_containers
from spanledger.calls.openai_usage import Answer, read_answer
from spanledger.clock import now_ns
from spanledger.guard import count_loss, guarded
from spanledger.values import metadata_attributes, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BatchResults", "charge_background_response", "forget", "is_batch_file"]

MOST_AT_ONCE: Final = 500
"""Results that are charged before the engine goes on; those of a larger batch are charged in a thread of their own."""

_BATCH_FILE: Final = re.compile(r"/files/([^/?]+)/content")
_RESPONSE: Final = re.compile(r"/responses/([^/?]+)")
_OPERATIONS: Final = {"list": "embeddings", "text_completion": "text_completion"}
_MOST_REMEMBERED: Final = 4_096
_SECOND: Final = 1_000_000_000

_CHARGED: dict[str, None] = {}
_LOCK = threading.Lock()


def forget() -> None:
    """Charge everything anew, as another process would."""
    with _LOCK:
        _CHARGED.clear()


def is_batch_file(path: str) -> bool:
    """Whether a path is that of a file's content, which may be the results of a batch."""
    return _BATCH_FILE.fullmatch(path.partition("?")[0]) is not None


def charge_background_response(path: str, provider: str, response: object) -> None:
    """Charge a response that was made in the background and is complete now; any other one has been charged before.

    Args:
        path: What was asked for.
        provider: Who was asked.
        response: The answer.
    """
    answer = read_answer(response)
    if _RESPONSE.fullmatch(path.partition("?")[0]) is None or not getattr(response, "background", None):
        return
    if answer.quantities and answer.response_id and _first_time(answer.response_id):
        created = getattr(response, "created_at", None)
        _emit(_Result("response", answer.response_id, "chat", answer, _nanoseconds(created)), provider, {})


class BatchResults:
    """Reads the file with the results of a batch; of any other file it reads nothing.

    Args:
        path: The path that the file was fetched from.
        provider: Who was asked.
    """

    def __init__(self, path: str, provider: str) -> None:
        self._file = path.split("/")[2]
        self._provider = provider
        self._pending = b""
        self._results: list[_Result] = []

    def feed(self, data: bytes) -> bytes:
        """Take in what has arrived, and pass it on."""
        with guarded("openai.batch"):
            *lines, self._pending = (self._pending + data).split(b"\n")
            self._take(lines)
        return data

    def end(self) -> bytes:
        """Charge all results, each at the batch price, unless this process has charged them already."""
        with guarded("openai.batch"):
            self._take([self._pending])
            if self._results and _first_time(self._file):
                if len(self._results) <= MOST_AT_ONCE:
                    self._charge()
                else:
                    threading.Thread(target=copy_context().run, args=(self._charge,), name="spanledger-batch").start()
        return b""

    def _take(self, lines: list[bytes]) -> None:
        """Keep the results among the lines: requests that were answered, and say what that took."""
        for line in lines:
            if b'"custom_id"' in line and b'"usage"' in line:
                result = _result_in(line, self._file)
                if result is not None:
                    self._results.append(result)

    def _charge(self) -> None:
        for result in self._results:
            with guarded("openai.batch_result"):
                _emit(result, self._provider, {"batch_file": self._file, "custom_id": result.custom_id})


@dataclass(frozen=True, slots=True)
class _Result:
    """One request that was answered earlier.

    Attributes:
        group: What it was made in.
        key: Its identifier within the group.
        operation: What it did, as the GenAI conventions call it.
        answer: What it was answered.
        at: When, in nanoseconds since 1970.
        custom_id: What the engine called it; None if nothing.
    """

    group: str
    key: str
    operation: str
    answer: Answer
    at: int
    custom_id: str | None = None


def _result_in(line: bytes, file: str) -> _Result | None:
    try:
        document = json.loads(line)
        body = document["response"]["body"]
        key, custom_id = str(document["id"]), str(document["custom_id"])
        answer = replace(read_answer(body), tier="batch")
    except (ValueError, KeyError, TypeError) as error:
        count_loss("openai.batch_line", f"a line of {file} is no result of a batch", error=error)
        return None
    if not answer.quantities:
        return None
    created = body.get("created", body.get("created_at"))
    operation = _OPERATIONS.get(body.get("object"), "chat")
    return _Result(file, key, operation, answer, _nanoseconds(created), custom_id)


def _nanoseconds(seconds: object) -> int:
    return int(seconds * _SECOND) if isinstance(seconds, int | float) else now_ns()


def _first_time(key: str) -> bool:
    """Whether this process charges it for the first time; the longest ago are forgotten."""
    with _LOCK:
        if key in _CHARGED:
            return False
        _CHARGED[key] = None
        while len(_CHARGED) > _MOST_REMEMBERED:
            del _CHARGED[next(iter(_CHARGED))]
        return True


class _Ids(IdGenerator):
    """Ids made of what a span is about."""

    def __init__(self) -> None:
        self._next = threading.local()

    def of(self, group: str, key: str) -> None:
        """Make the next ids of this thread those of a result."""
        self._next.trace = int.from_bytes(hashlib.sha256(f"openai {group}".encode()).digest()[:16])
        self._next.span = int.from_bytes(hashlib.sha256(f"openai {group} {key}".encode()).digest()[:8])

    def generate_trace_id(self) -> int:
        """The group's."""
        return int(self._next.trace)

    def generate_span_id(self) -> int:
        """The result's."""
        return int(self._next.span)

    def is_trace_id_random(self) -> bool:
        """True: a digest is as evenly spread as chance."""
        return True


_IDS: Final = _Ids()


def _emit(result: _Result, provider: str, metadata: Mapping[str, object]) -> None:
    """One span for a result, in the name of the current execution."""
    tracer = trace.get_tracer("spanledger.openai.results", __version__)
    if isinstance(tracer, Tracer):
        tracer.id_generator = _IDS
    _IDS.of(result.group, result.key)
    model = text(result.answer.model or "unknown")
    attributes = {
        **metadata_attributes(COST_METADATA_PREFIX, metadata),
        **answer_attributes(result.answer),
        GEN_AI_OPERATION: result.operation,
        GEN_AI_PROVIDER: provider,
        GEN_AI_REQUEST_MODEL: model,
    }
    span = tracer.start_span(
        f"{result.operation} {model}",
        set_span_in_context(INVALID_SPAN),
        kind=SpanKind.CLIENT,
        attributes=attributes,
        start_time=result.at,
    )
    span.end(result.at)
    if result.answer.containers:
        charge_containers(result.answer.containers, provider, result.at)
