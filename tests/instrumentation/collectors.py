"""Collectors that answer as they are told, over HTTP and gRPC, and remember what they took."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["GrpcCollector", "HttpCollector"]


class _Collector:
    """What both have in common."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        """What was taken."""
        self.asked = 0
        """How many requests there were, taken or not."""

    def spans(self) -> list[Span]:
        """Every span that was taken, as often as it came."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def names(self) -> list[str]:
        """Their names, sorted."""
        return sorted(span.name for span in self.spans())


class HttpCollector(_Collector):
    """OTLP over HTTP on loopback.

    Attributes:
        status: The answer to every request; only 200 takes it.
        headers: Headers of the answer.
        port: Where it listens.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.status = 200
        self.headers: dict[str, str] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.asked += 1
                if collector.status == 200:
                    collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(collector.status)
                for name, value in {"content-length": "0", **collector.headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class GrpcCollector(_Collector):
    """OTLP over gRPC on loopback.

    Attributes:
        code: The answer to every request; only OK takes it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.code = grpc.StatusCode.OK
        collector = self

        class Servicer(trace_service_pb2_grpc.TraceServiceServicer):
            def Export(  # noqa: N802 - the service's name
                self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
            ) -> ExportTraceServiceResponse:
                collector.asked += 1
                if collector.code is not grpc.StatusCode.OK:
                    context.abort(collector.code, "as told")
                collector.requests.append(request)
                return ExportTraceServiceResponse()

        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Servicer(), self._server)  # type: ignore[no-untyped-call]  # generated without types
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(None).wait()
