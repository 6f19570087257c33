"""Losses as a metric of the engine's own meter provider, if it has one."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import json, sys
sys.modules.update(openai=None, botocore=None)
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import spanledger
from spanledger.guard import count_loss
reader = InMemoryMetricReader()
{before}
spanledger.configure(exporter=InMemorySpanExporter())
{after}
count_loss("queue", "gone", count=2)
count_loss("export", "gone", count=3)
data = reader.get_metrics_data()
print(json.dumps({{
    point.attributes["site"]: point.value
    for resource in data.resource_metrics for scope in resource.scope_metrics
    for metric in scope.metrics if metric.name == "spanledger.losses" for point in metric.data.data_points
}}))
"""
SET = "metrics.set_meter_provider(MeterProvider([reader]))"


def run(before: str, after: str) -> str:
    """Output of an engine that sets its meter provider before or after it configures Spanledger."""
    program = PROGRAM.format(before=before, after=after)
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def test_losses_are_a_metric() -> None:
    """By site, whichever is set up first."""
    assert run(SET, "") == '{"queue": 2, "export": 3}\n'
    assert run("", SET) == '{"queue": 2, "export": 3}\n'
