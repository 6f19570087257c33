"""Every client that is pointed at the product, and how it is seen to speak."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.clients.environments import JAVASCRIPT, PINS, ROOT, pinned
from tests.clients.senders import curl, javascript_sdk, python_json, python_sdk, rotel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.clients.lots import Lots
    from tests.clients.senders import Destination

__all__ = ["CELLS", "GENERATOR_CELLS", "Cell"]


@dataclass(frozen=True)
class Cell:
    """One client with one encoding and one compression.

    Attributes:
        client: What it is.
        version: Its version, ``any`` where the machine's own is used.
        protocol: ``http/protobuf``, ``http/json`` or ``grpc``.
        compression: ``none``, ``gzip`` or ``deflate``.
        spoken: How it is seen to speak on the wire.
        send: Sends both lots; None for a generator, which makes spans of its own.
    """

    client: str
    version: str
    protocol: str
    compression: str
    spoken: str
    send: Callable[[Lots, Destination], None] | None = None

    @property
    def name(self) -> str:
        """The cell in a test's name."""
        return f"{self.client}, {self.protocol}, {self.compression}"


_PYTHON: Final = "OpenTelemetry SDK for Python"
_JAVASCRIPT: Final = "OpenTelemetry SDK for JavaScript"
_PROTO_HTTP: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_PROTO_GRPC: Final = "opentelemetry.exporter.otlp.proto.grpc.trace_exporter"


def _http(kind: str, compression: str, framing: str) -> str:
    """How OTLP/HTTP is spoken, in the words of the tap."""
    coding = "plain" if compression == "none" else compression
    return f"HTTP/1.1, /v1/traces, application/{kind}, {coding}, {framing}"


def _cells() -> Iterator[Cell]:
    sdk, json_http, agent = (
        pinned(ROOT / "requirements" / "dev.txt", "opentelemetry-sdk"),
        pinned(PINS / "json_http.txt", "opentelemetry-exporter-otlp-json-http"),
        pinned(PINS / "rotel.txt", "rotel"),
    )
    packages = json.loads((JAVASCRIPT / "package.json").read_text())["dependencies"]
    for coding in ("none", "gzip", "deflate"):
        spoken = _http("x-protobuf", coding, "with length")
        yield Cell(_PYTHON, sdk, "http/protobuf", coding, spoken, python_sdk(_PROTO_HTTP))
        spoken = _http("json", coding, "with length")
        yield Cell(_PYTHON, json_http, "http/json", coding, spoken, python_json)
    for coding in ("none", "gzip"):
        yield Cell(_PYTHON, sdk, "grpc", coding, "HTTP/2", python_sdk(_PROTO_GRPC))
        for kind, package in (("json", "http"), ("x-protobuf", "proto")):
            name = f"@opentelemetry/exporter-trace-otlp-{package}"
            protocol, spoken = f"http/{kind.removeprefix('x-')}", _http(kind, coding, "chunked")
            yield Cell(_JAVASCRIPT, packages[name], protocol, coding, spoken, javascript_sdk(name))
        name = "@opentelemetry/exporter-trace-otlp-grpc"
        yield Cell(_JAVASCRIPT, packages[name], "grpc", coding, "HTTP/2", javascript_sdk(name))
        yield Cell("curl", "any", "http/json", coding, _http("json", coding, "with length"), curl)
    # Whatever its option says, this release of rotel compresses.
    yield Cell("rotel", agent, "http/protobuf", "gzip", _http("x-protobuf", "gzip", "with length"), rotel("http"))
    yield Cell("rotel", agent, "grpc", "gzip", "HTTP/2", rotel("grpc"))


CELLS: Final = tuple(sorted(_cells(), key=lambda cell: (cell.client, cell.protocol)))
"""The matrix, sorted by client and protocol; the test holds each cell to what it says."""


def _generator_cells() -> Iterator[Cell]:
    configuration = (ROOT / "collector" / "builder-config.yaml").read_text()
    [version] = re.findall(r"^  version: (\S+)", configuration, re.MULTILINE)
    yield Cell("telemetrygen", version, "grpc", "none", "HTTP/2")
    yield Cell("telemetrygen", version, "http/protobuf", "none", _http("x-protobuf", "none", "with length"))


GENERATOR_CELLS: Final = tuple(_generator_cells())
"""The load generator, sorted likewise."""
