"""A loopback Video Intelligence, over gRPC and over REST, that annotates as its tests ask by the video's name."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STARTED_AT", "VideoServer"]

# The libraries' types leave most of it open, so it is used without them.
grpc: Any = import_module("grpc")
video: Any = import_module("google.cloud.videointelligence_v1")
json_format: Any = import_module("google.protobuf.json_format")
operations_pb2: Any = import_module("google.longrunning.operations_pb2")

STARTED_AT = 1_780_000_000
"""Second since 1970 at which the server says it began every annotation; it says it took 42 seconds."""

_ANNOTATE = "/google.cloud.videointelligence.v1.VideoIntelligenceService/AnnotateVideo"
_GET = "/google.longrunning.Operations/GetOperation"


class VideoServer:
    """One server of both kinds.

    A video named ``gs://media/300`` has 300 seconds. ``refused`` is not accepted, ``broken`` fails while it is worked
    on, ``silent`` brings a result without segments, and ``halves`` one of overlapping segments that cover 90.5 seconds.
    Each operation is done at the second time that somebody asks, or at once where the name ends in ``+``.
    """

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        """Metadata of every call over gRPC, headers of every one over REST."""
        self.polls = 0
        """How often the state of an operation was asked for."""
        self._videos: dict[str, Any] = {}
        self._asked: set[str] = set()
        self._lock = threading.Lock()
        self._grpc = grpc.server(ThreadPoolExecutor(4))
        self._grpc.add_generic_rpc_handlers((_Handlers(self),))
        self.target = f"127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        """Address of the gRPC server."""
        self._grpc.start()
        self._rest = ThreadingHTTPServer(("127.0.0.1", 0), _rest_handler(self))
        self.host = f"127.0.0.1:{self._rest.server_port}"
        """Address of the REST server."""
        self._thread = threading.Thread(target=self._rest.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop both."""
        self._grpc.stop(None).wait()
        self._rest.shutdown()
        self._rest.server_close()
        self._thread.join(10)

    def annotate(self, request: Any) -> Any:  # noqa: ANN401 - messages without types
        """Begin an operation; None if the video is refused."""
        if request.input_uri.endswith("refused"):
            return None
        with self._lock:
            name = f"projects/p/locations/l/operations/{id(self)}-{len(self._videos)}"
            self._videos[name] = request
        return self._state(name, done=request.input_uri.endswith("+"))

    def state(self, name: str) -> Any:  # noqa: ANN401 - a message without types
        """The state of an operation at this poll."""
        with self._lock:
            self.polls += 1
            done = name in self._asked
            self._asked.add(name)
        return self._state(name, done=done)

    def _state(self, name: str, *, done: bool) -> Any:  # noqa: ANN401 - a message without types
        request = self._videos[name]
        state: Any = operations_pb2.Operation(name=name, done=done)
        progress = {
            "annotation_progress": [
                {"feature": feature, "start_time": {"seconds": STARTED_AT}, "update_time": {"seconds": STARTED_AT + 42}}
                for feature in request.features
            ]
        }
        state.metadata.Pack(video.AnnotateVideoProgress.pb(video.AnnotateVideoProgress(progress)))
        name = request.input_uri.rpartition("/")[2].rstrip("+")
        if done and name == "broken":
            state.error.code, state.error.message = 13, "the video could not be decoded"
        elif done:
            results = [{"input_uri": request.input_uri, **segment} for segment in _segments(name)]
            state.response.Pack(
                video.AnnotateVideoResponse.pb(video.AnnotateVideoResponse({"annotation_results": results}))
            )
        return state


def _segments(name: str) -> list[dict[str, Any]]:
    def segment(first: float, last: float) -> dict[str, Any]:
        return {
            "start_time_offset": {"seconds": int(first), "nanos": int(first % 1 * 1e9)},
            "end_time_offset": {"seconds": int(last), "nanos": int(last % 1 * 1e9)},
        }

    if name == "silent":
        return [{}]
    if name == "halves":
        return [{"segment": segment(0, 50)}, {"segment": segment(30, 60.5)}, {"segment": segment(70, 100)}]
    if name == "shots":
        return [{"shot_annotations": [segment(0, 20), segment(20, 60)]}]
    return [{"segment": segment(0, float(name))}]


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # used without its types
    """The two methods over gRPC."""

    def __init__(self, server: VideoServer) -> None:
        self._server = server

    def service(self, handler_call_details: Any) -> Any:  # noqa: ANN401 - grpc's types are generic in the messages
        """The handler of a method; None for others."""
        call: Callable[[bytes, Any], bytes] | None = {_ANNOTATE: self._annotate, _GET: self._get}.get(
            handler_call_details.method
        )
        handler: Any = None if call is None else grpc.unary_unary_rpc_method_handler(call)
        return handler

    def _annotate(self, body: bytes, context: Any) -> bytes:  # noqa: ANN401 - grpc's own types are private
        self._server.headers.append(dict(context.invocation_metadata()))
        state: Any = self._server.annotate(video.AnnotateVideoRequest.deserialize(body))
        if state is not None:
            serialized: bytes = state.SerializeToString()
            return serialized
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such video")
        return b""

    def _get(self, body: bytes, context: Any) -> bytes:  # noqa: ANN401 - grpc's own types are private
        self._server.headers.append(dict(context.invocation_metadata()))
        request: Any = operations_pb2.GetOperationRequest.FromString(body)
        serialized: bytes = self._server.state(request.name).SerializeToString()
        return serialized


def _rest_handler(server: VideoServer) -> type[BaseHTTPRequestHandler]:
    """The two methods over REST."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            message: Any = video.AnnotateVideoRequest.pb(video.AnnotateVideoRequest())
            self._answer(server.annotate(video.AnnotateVideoRequest(json_format.Parse(body, message))))

        def do_GET(self) -> None:
            self._answer(server.state(self.path.partition("?")[0].removeprefix("/v1/")))

        def _answer(self, state: Any) -> None:  # noqa: ANN401 - a message without types
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            body = b'{"error": {"code": 400, "message": "no such video", "status": "INVALID_ARGUMENT"}}'
            if state is not None:
                body = json_format.MessageToJson(state).encode()
            self.send_response(400 if state is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it so
            """Say nothing."""

    return Handler
