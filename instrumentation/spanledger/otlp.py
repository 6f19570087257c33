"""Packing spans into OTLP requests, and delivering one request once.

The OpenTelemetry exporters encode, and know endpoint, headers, TLS and compression from the environment. Whether to
try again is not left to them: they drop what a collector answers with 500 or 413, and take a redirect for success.
"""

from __future__ import annotations

import gzip
import os
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import requests
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_COMPRESSION,
    OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
)

from spanledger import environment
from spanledger.exceptions import ConfigurationError
from spanledger.spool import Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["Answer", "Courier", "HttpCourier", "Outcome", "courier_for"]

PARCEL_BYTES: Final = 3 << 20
"""A request of this size is halved: gRPC receivers take 4 MiB unless told otherwise."""

PERMANENT: Final = frozenset({400, 411, 413, 414, 415, 422, 431})
"""HTTP answers that say something of the request; any other failure says something of the way, and may pass."""

_TRACES_PATH: Final = "/v1/traces"
_COMPRESS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"gzip": gzip.compress, "deflate": zlib.compress}


class Outcome(Enum):
    """What became of a delivery."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The collector will never take this request."""
    AWAY = "away"
    """The collector could not be reached, or is not able to take anything now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A collector's answer to one request.

    Attributes:
        outcome: What became of it.
        reason: Why it was not delivered, in words; empty if it was.
        retry_after: Seconds after which the collector asks to be tried again; None if it did not say.
    """

    outcome: Outcome
    reason: str = ""
    retry_after: float | None = None


class Courier(ABC):
    """Carries spans to one collector. Each thread packs or delivers, not both at once.

    Attributes:
        endpoint: The collector's address.
    """

    endpoint: str

    def pack(self, spans: Sequence[ReadableSpan]) -> list[Parcel]:
        """Encode a batch, as several requests where one would be too large."""
        body = self._encode(spans)
        if len(body) <= PARCEL_BYTES or len(spans) == 1:
            return [Parcel(body, len(spans))]
        middle = len(spans) // 2
        return [*self.pack(spans[:middle]), *self.pack(spans[middle:])]

    def _encode(self, spans: Sequence[ReadableSpan]) -> bytes:
        return encode_spans(spans).SerializeToString()

    @abstractmethod
    def deliver(self, parcel: Parcel) -> Answer:
        """Send one request once and wait for the answer, for as long as ``OTEL_EXPORTER_OTLP_TIMEOUT`` says."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection up."""


class HttpCourier(Courier):
    """OTLP over HTTP.

    Args:
        endpoint: Address of the traces resource; None takes the environment's.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        self._request = _Unsent()
        self._exporter = OTLPSpanExporter(endpoint, compression=Compression.NoCompression, session=self._request)
        self._exporter.export([])
        self.endpoint = self._request.url
        self._session = requests.Session()
        self._session.verify, self._session.cert = self._request.verify, self._request.cert
        self._compression = _http_compression()

    def _encode(self, spans: Sequence[ReadableSpan]) -> bytes:
        """What the exporter would send."""
        self._request.body = b""
        self._exporter.export(spans)
        return self._request.body or super()._encode(spans)

    def deliver(self, parcel: Parcel) -> Answer:
        """Send one request once; never raises what the network may cause."""
        headers, body = dict(self._request.all_headers), parcel.body
        if self._compression is not None:
            headers["Content-Encoding"], body = self._compression, _COMPRESS[self._compression](body)
        try:
            try:
                response = self._post(headers, body)
            except requests.ConnectionError as error:
                if isinstance(error, requests.Timeout):
                    raise
                response = self._post(headers, body)  # the collector may have closed an idle connection meanwhile
        except (requests.RequestException, OSError) as error:
            return Answer(Outcome.AWAY, f"{type(error).__name__}: {error}")
        return _judge(response)

    def _post(self, headers: Mapping[str, str], body: bytes) -> requests.Response:
        return self._session.post(
            self.endpoint, body, headers=headers, timeout=self._request.timeout, allow_redirects=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the exporter leaves it without types


class _Unsent(requests.Session):
    """Takes the exporter's request instead of sending it."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.body = b""
        self.all_headers: Mapping[str, str] = {}
        self.timeout: float = 10.0

    def request(self, method: str | bytes, url: str | bytes, **details: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401 # pyright: ignore[reportIncompatibleMethodOverride] - the exporter passes keywords only
        """Note the request down and answer that all is well."""
        del method
        self.url = url if isinstance(url, str) else url.decode()
        self.body = details["data"]
        self.all_headers = details["headers"]
        if not self.body:  # the exporter passes what is left of its timeout; the first request has all of it
            self.timeout = round(details["timeout"], 1)
        response = requests.Response()
        response.status_code = HTTPStatus.OK
        return response


def _judge(response: requests.Response) -> Answer:
    if HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return Answer(Outcome.DELIVERED)
    reason = f"{response.status_code} {response.reason}"
    if response.status_code in PERMANENT:
        return Answer(Outcome.REFUSED, reason)
    stated = response.headers.get("Retry-After", "")
    return Answer(Outcome.AWAY, reason, float(stated) if stated.isdecimal() else None)


def _http_compression() -> str | None:
    """The compression that the environment asks for, None for none."""
    stated = os.environ.get(OTEL_EXPORTER_OTLP_TRACES_COMPRESSION) or os.environ.get(OTEL_EXPORTER_OTLP_COMPRESSION)
    name = (stated or "none").strip().lower()
    return name if name in _COMPRESS else None


def courier_for(endpoint: str | None = None) -> Courier:
    """The courier for the protocol in ``OTEL_EXPORTER_OTLP_PROTOCOL``: ``http/protobuf`` (default) or ``grpc``.

    Args:
        endpoint: Base address of the collector, without TLS if it names no scheme; None takes
            ``OTEL_EXPORTER_OTLP_ENDPOINT``, else the default of OTLP.

    Raises:
        ConfigurationError: The protocol is unknown, or its exporter is not installed.
    """
    if endpoint is not None and "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    protocol = os.environ.get(environment.OTLP_PROTOCOL, "").strip() or "http/protobuf"
    if protocol == "grpc":
        return _grpc_courier(endpoint)
    if protocol != "http/protobuf":
        message = f"{environment.OTLP_PROTOCOL} is {protocol!r}; use http/protobuf or grpc"
        raise ConfigurationError(message)
    return HttpCourier(None if endpoint is None else endpoint.rstrip("/").removesuffix(_TRACES_PATH) + _TRACES_PATH)


def _grpc_courier(endpoint: str | None) -> Courier:
    try:
        from spanledger.otlp_grpc import GrpcCourier  # noqa: PLC0415 - its exporter is an extra
    except ImportError as error:
        message = f"{environment.OTLP_PROTOCOL}=grpc needs its exporter: pip install 'spanledger[engine]'"
        raise ConfigurationError(message) from error
    stated = os.environ.get(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) or os.environ.get(OTEL_EXPORTER_OTLP_ENDPOINT)
    return GrpcCourier(endpoint or stated or "http://localhost:4317")
