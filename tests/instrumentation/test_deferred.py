"""Clients are metered when they are imported, not before."""

from __future__ import annotations

import subprocess
import sys

HEAD = (
    "import sys, spanledger\n"
    "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
    "exporter = InMemorySpanExporter()\n"
)
CONFIGURE = "spanledger.configure(exporter=exporter)\n"


def run(program: str) -> str:
    """Output of a fresh interpreter."""
    command = [sys.executable, "-W", "error", "-c", HEAD + program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_configuring_imports_no_client() -> None:
    """An engine pays for the imports it makes itself."""
    heavy = "'openai', 'botocore', 'httpx', 'httpx2', 'google.cloud.videointelligence'"
    assert run(f"{CONFIGURE}print([name for name in ({heavy}) if name in sys.modules])") == "[]\n"


def test_a_client_is_metered_from_its_import_on() -> None:
    """Whether it was imported before or is imported after."""
    patched = "from botocore.client import BaseClient\nprint(hasattr(BaseClient._make_api_call, '__wrapped__'))\n"

    assert run(f"{CONFIGURE}import boto3\n{patched}") == "True\n"
    assert run(f"import boto3\n{CONFIGURE}{patched}") == "True\n"
    assert run(f"{CONFIGURE}import spanledger.calls.s3\n{patched}") == "True\n"


def test_a_client_that_cannot_be_metered_can_be_imported() -> None:
    """What fails while it is being metered is counted, and is none of the import's business."""
    program = (
        "import spanledger.calls.patching\nfrom spanledger.guard import losses\n"
        "def apply(patch): raise RuntimeError('broken')\n"
        f"{CONFIGURE}spanledger.calls.patching.Patch.apply = apply\n"
        "import boto3\nprint(losses()['instrument.botocore'])\n"
    )
    assert run(program) == "1\n"


def test_without_import_hooks_clients_are_metered_at_once() -> None:
    """Where wrapt is not installed, everything that is installed is imported."""
    program = (
        f"sys.modules['wrapt'] = None\nsys.modules['openai'] = None\n{CONFIGURE}print('botocore' in sys.modules)\n"
    )
    assert run(program) == "True\n"
