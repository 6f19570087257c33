"""What an engine installs: context, wrappers around paid calls, the price book, and export over OTLP.

Names load on first use, so that a command line that only prices something does not import OpenTelemetry.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from spanledger.version import __version__

if TYPE_CHECKING:
    from spanledger.configuration import configure, flush, shutdown
    from spanledger.context import execution, prompt, step
    from spanledger.exceptions import SpanledgerError
    from spanledger.prompts import PromptManager
    from spanledger.records import record_cost

__all__ = [
    "PromptManager",
    "SpanledgerError",
    "__version__",
    "configure",
    "execution",
    "flush",
    "prompt",
    "record_cost",
    "shutdown",
    "step",
]

_HOMES = {
    "PromptManager": "spanledger.prompts",
    "SpanledgerError": "spanledger.exceptions",
    "configure": "spanledger.configuration",
    "execution": "spanledger.context",
    "flush": "spanledger.configuration",
    "prompt": "spanledger.context",
    "record_cost": "spanledger.records",
    "shutdown": "spanledger.configuration",
    "step": "spanledger.context",
}


def __getattr__(name: str) -> object:
    """Import the home of a public name when it is first asked for."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(home), name)
