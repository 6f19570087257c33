"""Setting an engine up in one call: provider, identity, export, and the clients that are installed.

The state of this module is that of the process: OpenTelemetry knows one global tracer provider, and it is set once.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from spanledger.batching import BatchQueue
from spanledger.calls.http_targets import set_targets
from spanledger.deferred import instrument_when_imported
from spanledger.exceptions import ConfigurationError
from spanledger.export import PricingExporter
from spanledger.ids import UnseededIds
from spanledger.losses import observe_losses
from spanledger.otlp import courier_for
from spanledger.outbox import Outbox
from spanledger.pricing import Calculator, PriceBook
from spanledger.process_exit import before_process_ends
from spanledger.processor import LedgerProcessor, exit_seconds
from spanledger.propagation import own_hosts as set_own_hosts
from spanledger.spool import open_spool
from spanledger.threads import carry_into_threads

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["configure", "current_calculator", "current_processor", "diverted", "flush", "shutdown"]

_LOGGER = logging.getLogger(__name__)

MOST_ATTRIBUTES = 1_024
"""Attributes of one span: beyond a limit the SDK drops the oldest, and who pays is among them."""


@dataclass
class _State:
    """What is configured in this process.

    Attributes:
        processor: Ours on the global provider; None before the first ``configure``.
        calculator: Prices what is exported; None takes the built-in book when it is first needed.
    """

    processor: LedgerProcessor | None = None
    calculator: Calculator | None = None


_STATE = _State()
_LOCK = threading.RLock()


def configure(  # noqa: PLR0913 - each is a setting of its own, and all but the name are keywords
    service_name: str | None = None,
    *,
    endpoint: str | None = None,
    exporter: SpanExporter | None = None,
    prices: str | Path | None = None,
    own_hosts: Iterable[str] | None = None,
    cloudfront_hosts: Iterable[str] | None = None,
    cloudflare_stream_urls: Iterable[str] | None = None,
) -> None:
    """Send priced spans of this process to a collector, and meter the paid clients that are installed.

    Where the engine has set a tracer provider of the OpenTelemetry SDK already, Spanledger joins it. A second call
    changes nothing and logs a warning; after :func:`shutdown` it configures anew.

    Args:
        service_name: The engine's ``service.name``; None takes ``OTEL_SERVICE_NAME``. A provider that is there keeps
            its own.
        endpoint: Base address of the collector, e.g. ``http://127.0.0.1:4318``; None takes
            ``OTEL_EXPORTER_OTLP_ENDPOINT``, else the default of OTLP.
        exporter: Takes the priced spans instead of OTLP; None exports over OTLP.
        prices: TOML file with own price rows that come before the built-in ones; None takes ``SPANLEDGER_PRICES``, if
            set.
        own_hosts: Hosts of own services, which are told on whose behalf they are asked; ``.example.com`` is a domain.
            None takes ``SPANLEDGER_OWN_HOSTS``, else nobody is told.
        cloudfront_hosts: Hosts that are CloudFront besides ``*.cloudfront.net``, e.g. ``cdn.example.com``; ``*`` stands
            for anything. None takes ``SPANLEDGER_CLOUDFRONT_HOSTS``, if set.
        cloudflare_stream_urls: Addresses, host and path without scheme, that are Cloudflare Stream besides its own API.
            None takes ``SPANLEDGER_CLOUDFLARE_STREAM_URLS``, if set.

    Raises:
        ConfigurationError: The protocol, the exporter for it, the tracer provider or a host cannot be used.
        PriceBookError: The price file cannot be read or contradicts itself.
    """
    with _LOCK:
        if _STATE.processor is not None and _STATE.processor.queue is not None:
            _LOGGER.warning("spanledger is configured already; call spanledger.shutdown() before configuring anew")
            return
        calculator = _calculator(prices)
        set_targets(cloudfront_hosts, cloudflare_stream_urls)
        inner = _outbox(endpoint) if exporter is None else exporter
        if _STATE.processor is None:
            _STATE.processor = _join_provider(service_name)
        _STATE.processor.queue = BatchQueue(PricingExporter(inner, calculator))
        _STATE.calculator = calculator
        secure = _STATE.processor.secure
    if own_hosts is not None:
        set_own_hosts(own_hosts)
    carry_into_threads()
    instrument_when_imported()
    observe_losses()
    before_process_ends(secure, shutdown)
    if isinstance(inner, Outbox):
        inner.start()


def _outbox(endpoint: str | None) -> Outbox:
    """Delivery over OTLP, with a spool for when the collector is away."""
    return Outbox(partial(courier_for, endpoint), open_spool)


def flush(timeout_ms: float = 5_000) -> bool:
    """Deliver every span that has ended so far.

    Args:
        timeout_ms: Milliseconds to wait at most; delivery goes on afterwards.

    Returns:
        True if all is delivered, also where nothing is configured; False if it was not in time, waits in the spool, or
        was lost.
    """
    processor = _STATE.processor
    return processor is None or processor.force_flush(int(timeout_ms))


def shutdown() -> None:
    """Deliver what is queued, or leave it in the spool, and stop; called by itself when the process exits.

    A second call does nothing.
    """
    processor = _STATE.processor
    if processor is not None:
        processor.shutdown()


def current_calculator() -> Calculator:
    """The calculator that this process prices with: the configured one, else the built-in book's."""
    with _LOCK:
        if _STATE.calculator is None:
            _STATE.calculator = _calculator(None)
        return _STATE.calculator


def current_processor() -> LedgerProcessor | None:
    """Ours on the global tracer provider; None before the first :func:`configure`."""
    return _STATE.processor


@contextmanager
def diverted(exporter: SpanExporter, prices: str | Path | None) -> Generator[BatchQueue]:
    """Send priced spans to another exporter for a while, whether the engine is configured or not.

    The block is given the queue that they pass.

    Args:
        exporter: Takes them.
        prices: TOML file with own price rows; None takes ``SPANLEDGER_PRICES``, if set.

    Raises:
        ConfigurationError: The tracer provider cannot be used.
        PriceBookError: The price file cannot be read or contradicts itself.
    """
    calculator = _calculator(prices)
    queue = BatchQueue(PricingExporter(exporter, calculator))
    with _LOCK:
        processor = _STATE.processor = _STATE.processor or _join_provider(None)
        before = processor.queue, _STATE.calculator
        processor.queue, _STATE.calculator = queue, calculator
    carry_into_threads()
    instrument_when_imported()
    try:
        yield queue
    finally:
        processor.queue, _STATE.calculator = before
        queue.close(exit_seconds())


def _calculator(prices: str | Path | None) -> Calculator:
    return Calculator(PriceBook.with_overrides(prices) if prices else PriceBook.from_environment())


def _join_provider(service_name: str | None) -> LedgerProcessor:
    """Put our processor on the global tracer provider, setting one if there is none."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        provider = _own_provider(service_name)
        trace.set_tracer_provider(provider)
    if not isinstance(provider, TracerProvider):
        message = (
            f"the global tracer provider is a {type(provider).__qualname__}, which takes no span processor; "
            "call spanledger.configure() before it is set, or set one of the OpenTelemetry SDK"
        )
        raise ConfigurationError(message)
    if type(provider.id_generator) is RandomIdGenerator:
        provider.id_generator = UnseededIds()  # type: ignore[assignment]  # declared as narrow as its default
    processor = LedgerProcessor()
    provider.add_span_processor(processor)
    return processor


def _own_provider(service_name: str | None) -> TracerProvider:
    """A provider that keeps every span: a sampled ledger is a wrong one."""
    return TracerProvider(
        sampler=ALWAYS_ON,
        resource=Resource.create({SERVICE_NAME: service_name} if service_name else {}),
        shutdown_on_exit=False,
        span_limits=SpanLimits(max_span_attributes=MOST_ATTRIBUTES),
    )
