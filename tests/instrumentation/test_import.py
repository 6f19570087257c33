"""The package's surface: complete, sorted, and cheap to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import spanledger

HEAVY = (
    "opentelemetry",
    "openai",
    "boto3",
    "botocore",
    "fastapi",
    "clickhouse_connect",
    "chdb",
    "genai_prices",
    "httpx2",
)


def run(program: str) -> str:
    """Output of a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def test_every_public_name_is_there_and_sorted() -> None:
    """``__all__`` is the surface: sorted, short, each name importable."""
    assert sorted(spanledger.__all__) == spanledger.__all__
    assert len(spanledger.__all__) <= 15
    assert all(getattr(spanledger, name) is not None for name in spanledger.__all__)
    assert set(vars(spanledger)["_HOMES"]) | {"__version__"} == set(spanledger.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'recrod_cost'"):
        _ = spanledger.recrod_cost  # misspelt


def test_importing_the_package_imports_nothing_heavy() -> None:
    """A command line that only prices something does not pay for OpenTelemetry or any client."""
    loaded = run("import spanledger, sys; print(*sys.modules)").split()

    assert not {name.partition(".")[0] for name in loaded} & set(HEAVY)


def test_configuring_imports_no_client_that_is_not_installed() -> None:
    """Without openai and botocore an engine is configured all the same, and records its own costs."""
    program = (
        "import sys\n"
        "sys.modules.update(openai=None, boto3=None, botocore=None, s3transfer=None)\n"
        "import spanledger\n"
        "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
        "exporter = InMemorySpanExporter()\n"
        "spanledger.configure(exporter=exporter)\n"
        "spanledger.record_cost(service='s3', operation='upload', quantity=1, unit='GB')\n"
        "spanledger.flush()\n"
        "print(exporter.get_finished_spans()[0].attributes['cost.total_cost'])\n"
    )
    assert run(program) == "0.01\n"
