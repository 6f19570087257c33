"""OTLP over gRPC. Messages stay bytes: the handlers have no deserializer, so a request costs one check and one write.

Rules: OTLP specification 1.x, "OTLP/gRPC". INVALID_ARGUMENT means do not send this again, UNAVAILABLE means keep it and
try again. So does RESOURCE_EXHAUSTED, but only because it says when.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import RESOURCE_EXHAUSTED
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger.exceptions import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    PermissionDeniedError,
    RateLimitedError,
    RetryableError,
)
from spanledger_collector.admission import Sender, bearer_key
from spanledger_collector.compression import DEFAULT_BODY_LIMIT
from spanledger_collector.other_signals import LOGS, METRICS

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_collector.admission import Admission
    from spanledger_collector.intake import Intake
    from spanledger_collector.other_signals import OtherSignal

__all__ = ["GrpcReceiver"]

_TRACE_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
_WAITING_REQUESTS: Final = 16
_SYNC_SECONDS: Final = 30.0
_DRAIN_SECONDS: Final = 5.0
_ACCEPTED: Final = ExportTraceServiceResponse().SerializeToString()


class GrpcReceiver:
    """The OTLP/gRPC port.

    Args:
        intake: Takes each request; the answer waits until it is synced.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        body_limit: Most bytes of one request, decompressed.
        admission: Decides who may send; None lets everybody.
        credentials: What to speak TLS with; None speaks without.

    Attributes:
        port: The port that is listened on.

    Raises:
        ConfigurationError: The address is taken or not one of this machine's.
    """

    def __init__(  # noqa: PLR0913 - where it listens and who may come
        self,
        intake: Intake,
        host: str,
        port: int,
        body_limit: int = DEFAULT_BODY_LIMIT,
        *,
        admission: Admission | None = None,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self._intake = intake
        self._admission = admission
        self._host = f"[{host}]" if ":" in host else host
        self._server = grpc.server(
            ThreadPoolExecutor(_WAITING_REQUESTS, thread_name_prefix="otlp-grpc"),
            # Without this a second server could share the port and take half of the requests.
            options=[("grpc.max_receive_message_length", body_limit), ("grpc.so_reuseport", 0)],
        )
        self._server.add_generic_rpc_handlers(
            (
                self._handler(_TRACE_SERVICE, self._keep),
                *(self._handler(signal.service, _rejecting(signal)) for signal in (METRICS, LOGS)),
            )
        )
        try:
            address = f"{self._host}:{port}"
            self.port = (
                self._server.add_insecure_port(address)
                if credentials is None
                else self._server.add_secure_port(address, credentials)
            )
        except RuntimeError as error:
            message = f"{host}:{port} cannot be listened on. Choose another port, or 0 for a free one."
            raise ConfigurationError(message) from error

    @property
    def address(self) -> str:
        """Host and port as an exporter's endpoint names them."""
        return f"{self._host}:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self) -> None:
        """Answer what has begun, for some seconds at most, and close the port."""
        self._server.stop(_DRAIN_SECONDS).wait()

    def _keep(self, body: bytes) -> bytes:
        self._intake.submit(body).result(_SYNC_SECONDS)
        return _ACCEPTED

    def _handler(self, service: str, answer: Callable[[bytes], bytes]) -> grpc.GenericRpcHandler:
        """The ``Export`` of a service; what is raised while it answers becomes the status that OTLP has for it."""

        def export(body: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                with self._intake.counting():
                    if self._admission is not None:
                        self._admission.require_sender(_sender(context))
                    return answer(body)
            except InvalidRequestError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.detail)
            except AuthenticationError as error:
                context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
            except PermissionDeniedError as error:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
            except RateLimitedError as error:
                context.set_trailing_metadata(_retry_details(error))
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
            except RetryableError as error:
                context.abort(grpc.StatusCode.UNAVAILABLE, str(error))

        return grpc.method_handlers_generic_handler(service, {"Export": grpc.unary_unary_rpc_method_handler(export)})


def _rejecting(signal: OtherSignal) -> Callable[[bytes], bytes]:
    return lambda body: signal.answer(body).SerializeToString()


def _retry_details(error: RateLimitedError) -> tuple[tuple[str, bytes], ...]:
    """When to try again, where exporters look for it: in the status, and those of Python beside it."""
    info = RetryInfo(retry_delay=Duration(seconds=error.retry_after))
    status = Status(code=RESOURCE_EXHAUSTED, message=str(error))
    status.details.add().Pack(info)
    return (
        ("grpc-status-details-bin", status.SerializeToString()),
        ("google.rpc.retryinfo-bin", info.SerializeToString()),
    )


def _sender(context: grpc.ServicerContext) -> Sender:
    metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
    # The peer is "ipv4:127.0.0.1:1234" or "ipv6:%5B::1%5D:1234".
    address = unquote(context.peer().partition(":")[2]).rpartition(":")[0].strip("[]")
    return Sender(bearer_key(metadata.get("authorization", "")), address)
