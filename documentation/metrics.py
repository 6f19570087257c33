"""The page on the product's own metrics, from what the running parts expose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from documentation.markdown import GENERATED, code, table

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["metrics_page"]

_WHEN_BEGUN = "_created"
"""Ending of the series that tell when a counter began; they mean nothing of their own."""

_INTRODUCTION = """\
The collector answers on the path `/metrics` of its OTLP/HTTP port, the API on its own, both in Prometheus' text
format. A counter is shown with the ending `_total`."""


def metrics_page(expositions: Iterable[bytes]) -> str:
    """Every metric with its kind, labels and help.

    Args:
        expositions: What each part shows.
    """
    rows = sorted(
        (
            code(f"{family.name}_total" if family.type == "counter" else family.name),
            str(family.type),
            ", ".join(sorted({label for sample in family.samples for label in sample.labels} - {"le"})),
            str(family.documentation),
        )
        for exposition in expositions
        for family in text_string_to_metric_families(exposition.decode())
        if not family.name.endswith(_WHEN_BEGUN)
    )
    return f"{GENERATED}\n# Metrics\n\n{_INTRODUCTION}\n\n{table(('metric', 'kind', 'labels', 'meaning'), rows)}\n"
