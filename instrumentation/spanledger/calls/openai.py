"""OpenAI's clients, metered where every one of their requests passes: chat, responses, embeddings, audio, images.

One place serves synchronous and asynchronous clients, Azure's, streams, raw and parsed responses alike. Request and
answer are the client's own objects; the only thing ever added to a request is that a stream state its usage, and that
is taken out of the answer again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import openai

from spanledger.calls.openai_audio import measure_of
from spanledger.calls.openai_call import Call, current_call
from spanledger.calls.openai_endpoints import Endpoint, find_endpoint
from spanledger.calls.openai_events import EventReader, JsonReader
from spanledger.calls.openai_provider import provider_of
from spanledger.calls.openai_results import BatchResults, charge_background_response, is_batch_file
from spanledger.calls.openai_usage import Answer, read_answer
from spanledger.calls.openai_withholding import Withholding, withhold
from spanledger.calls.patching import Patch
from spanledger.calls.watched_response import watch
from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Token
    from types import TracebackType
    from typing import Self

    from opentelemetry.context import Context

__all__ = ["instrument", "uninstrument"]

_REFUSES_STREAM_OPTIONS: Final[set[tuple[str, str]]] = set()
"""Address and model of servers that refuse ``stream_options``; they are not asked again."""


class _Options(Protocol):
    """What the clients know of a request before it is built."""

    method: str
    url: str
    json_data: object
    extra_json: object
    files: object

    def model_copy(self, *, update: Mapping[str, object]) -> Self:
        """A copy of the request in which these members are replaced."""
        ...


class _Request:
    """One request that is metered.

    Args:
        client: The client that makes it.
        endpoint: Where it goes.
        options: What the engine asked for.
        stream: Whether the answer is a stream of events.
    """

    def __init__(self, client: object, endpoint: Endpoint, options: _Options, *, stream: bool) -> None:
        body = {**_mapping(options.json_data), **_mapping(options.extra_json)}
        self._server = (str(getattr(client, "base_url", "")), str(body.get("model")))
        self._asks_for_usage = stream and self._must_ask(endpoint, body)
        self._reader = EventReader(strip=self._asks_for_usage) if stream else None
        self.options = _asking_for_usage(options, body) if self._asks_for_usage else options
        self.call = Call(endpoint, provider_of(client), body)
        self._token: Token[Context] | None = None
        if endpoint.service == "whisper":
            self.call.note("response_format", body.get("response_format"))
        with guarded("openai.audio"):
            self.call.measure = measure_of(endpoint, body, options.files, stream=stream)

    def _must_ask(self, endpoint: Endpoint, body: Mapping[str, object]) -> bool:
        asked = _mapping(body.get("stream_options")).get("include_usage")
        return endpoint.streams_usage_on_request and not asked and self._server not in _REFUSES_STREAM_OPTIONS

    def __enter__(self) -> None:
        """Make the call the current one."""
        self._token = self.call.enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Swallow the exception only where it is due to what we added: the call is then made as the engine wished."""
        del kind, trace
        try:
            return error is not None and self._failed(error)
        finally:
            self.call.leave(self._token)

    def _failed(self, error: BaseException) -> bool:
        """The call failed; True if only because of what we added."""
        with guarded("openai.failure"):
            self.call.failed(error)
            if self._asks_for_usage and isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError):
                said = f"{error} {error.body}"
                if "stream_options" in said or "include_usage" in said:
                    _REFUSES_STREAM_OPTIONS.add(self._server)
                    return True
        return False

    def answered(self, result: object) -> None:
        """Take in what the client returned: the answer, or the means to read it."""
        with guarded("openai.result"):
            response = _response_of(result)
            if response is None or response.is_closed:
                self.call.answered(_answer_of(result, response))
            else:
                self._watch(response)
            return
        if self._asks_for_usage:
            with guarded("openai.withhold"):
                withhold(result)
        self.call.lost()

    def _watch(self, response: Any) -> None:  # noqa: ANN401 - of httpx2 or httpx, which share no base
        """Take the answer in while the engine reads it."""
        call = self.call
        reader = self._reader or _reader_for(response)

        def finish(error: BaseException | None) -> None:
            """Charge what the answer says as soon as the engine is done with it."""
            with guarded("openai.finish"):
                if error is None and reader.done:
                    call.answered(reader.answer)
                else:
                    call.broken_off(reader.answer, error, reader.events)
                return
            call.lost()

        watch(response, reader, finish, partial(_stand_in, reader) if self._asks_for_usage else None)


def instrument() -> None:
    """Meter every OpenAI client of the process; a second call does nothing.

    Where the engine uses OpenTelemetry's own instrumentation of OpenAI as well, its spans are completed.
    """
    for patch in _PATCHES:
        patch.apply()


def uninstrument() -> None:
    """Meter no OpenAI client any more."""
    for patch in _PATCHES:
        patch.remove()


def _request(
    original: Callable[..., object], client: object, cast_to: object, options: _Options, **kwargs: object
) -> object:
    """Make a request; result and exception are the client's own."""
    request = _begin(client, options, kwargs)
    if request is None:
        result = original(client, cast_to, options, **kwargs)
        _charge_results(client, options, result)
        return result
    with request:
        result = original(client, cast_to, request.options, **kwargs)
        request.answered(result)
        return result
    return _request(original, client, cast_to, options, **kwargs)


async def _request_async(
    original: Callable[..., Awaitable[object]],
    client: object,
    cast_to: object,
    options: _Options,
    **kwargs: object,
) -> object:
    """Make a request; result and exception are the client's own."""
    request = _begin(client, options, kwargs)
    if request is None:
        result = await original(client, cast_to, options, **kwargs)
        _charge_results(client, options, result)
        return result
    with request:
        result = await original(client, cast_to, request.options, **kwargs)
        request.answered(result)
        return result
    return await _request_async(original, client, cast_to, options, **kwargs)


@guarded("openai.results")
def _charge_results(client: object, options: _Options, result: object) -> None:
    """Charge what was used earlier and is told now: the results of a batch, a response made in the background."""
    if options.method.lower() != "get":
        return
    if is_batch_file(options.url):
        response = _response_of(result)
        lines = BatchResults(options.url, provider_of(client))
        if response.is_closed:
            lines.feed(response.content)
            lines.end()
        else:
            watch(response, lines, lambda _: None)
    elif isinstance(result, openai.BaseModel):
        charge_background_response(options.url, provider_of(client), result)


@guarded("openai.request")
def _begin(client: object, options: _Options, kwargs: Mapping[str, object]) -> _Request | None:
    endpoint = find_endpoint(options.method, options.url)
    return None if endpoint is None else _Request(client, endpoint, options, stream=bool(kwargs.get("stream")))


def _build_request(original: Callable[..., object], client: object, *args: object, **kwargs: object) -> object:
    """Count an attempt: the client builds its request anew for each."""
    with guarded("openai.attempt"):
        call = current_call()
        if call is not None:
            call.attempts += 1
    return original(client, *args, **kwargs)


def _asking_for_usage(options: _Options, body: Mapping[str, object]) -> _Options:
    """The request with the wish for usage, in a copy; whatever else it wishes stays."""
    wishes = {**_mapping(body.get("stream_options")), "include_usage": True}
    if "stream_options" in _mapping(options.extra_json):
        return options.model_copy(update={"extra_json": {**_mapping(options.extra_json), "stream_options": wishes}})
    return options.model_copy(update={"json_data": {**_mapping(options.json_data), "stream_options": wishes}})


def _response_of(result: object) -> Any:  # noqa: ANN401 - of httpx2 or httpx, which share no base
    """The HTTP response that the engine may still read the answer from; None where the client has parsed it."""
    if isinstance(result, openai.Stream | openai.AsyncStream | openai.HttpxBinaryResponseContent):
        return cast("Any", result).response
    if isinstance(result, openai.BaseModel | str):
        return None
    raw = getattr(result, "http_response", result)
    return raw if hasattr(raw, "iter_bytes") else None


def _answer_of(result: object, response: Any) -> Answer:  # noqa: ANN401 - of httpx2 or httpx
    """What a complete answer says."""
    if response is None:
        return read_answer(result)
    reader = _reader_for(response)
    reader.feed(response.content)
    reader.end()
    return reader.answer


def _stand_in(reader: EventReader | JsonReader) -> Withholding:
    """What goes on taking our wish out of a stream where a reader has failed."""
    return Withholding(reader.pending if isinstance(reader, EventReader) else b"")


def _reader_for(response: Any) -> EventReader | JsonReader:  # noqa: ANN401 - of httpx2 or httpx
    kind = response.headers.get("content-type", "")
    return EventReader(strip=False) if "event-stream" in kind else JsonReader(keep="json" in kind)


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


_PATCHES: Final = (
    Patch(openai.OpenAI, "request", _request),
    Patch(openai.AsyncOpenAI, "request", _request_async),
    Patch(openai.OpenAI, "_build_request", _build_request),
    Patch(openai.AsyncOpenAI, "_build_request", _build_request),
)
