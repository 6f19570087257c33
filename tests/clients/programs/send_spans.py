"""An engine with nothing but the OpenTelemetry SDK: the exporter's module is the argument, the rest is ``OTEL_*``.

Takes ``{"once": [attributes, ...], "twice": [attributes, ...]}`` on stdin, one mapping a span. The second lot goes
through two export pipelines, so that each of its spans is delivered twice.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

exporter = import_module(sys.argv[1]).OTLPSpanExporter
lots = json.load(sys.stdin)
for lot, deliveries in (("once", 1), ("twice", 2)):
    provider = TracerProvider()
    for _ in range(deliveries):
        provider.add_span_processor(BatchSpanProcessor(exporter()))
    tracer = provider.get_tracer("clients")
    for attributes in lots[lot]:
        tracer.start_span("paid call", attributes=attributes).end()
    provider.shutdown()
