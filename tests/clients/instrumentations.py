"""Other instrumentations of OpenAI's client, alone and together, and what the calls that they watch cost."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from spanledger_api.demo.openai_usage import chat_answer_tokens, chat_prompt_tokens, text_tokens
from tests.clients.environments import ROOT

if TYPE_CHECKING:
    from tests.clients.environments import Environments

__all__ = ["CALLS", "PACKAGES", "WATCHES", "Watch", "call_openai", "total_cost"]

_PROGRAM: Final = ROOT / "tests" / "clients" / "programs" / "call_openai.py"
_QUESTION: Final = "Name the scene in at most 10 tokens."
_SECONDS: Final = 60

CALLS: Final = 4
"""Chat, streamed chat, embeddings and responses: one call each."""

PACKAGES: Final = {
    "genai_openai": "opentelemetry-instrumentation-genai-openai",
    "openinference": "openinference-instrumentation-openai",
    "traceloop": "opentelemetry-instrumentation-openai",
    "logfire": "logfire",
    "spanledger": "spanledger",
}
"""What each instrumentation is called where it is installed from."""


@dataclass(frozen=True)
class Watch:
    """Instrumentations that watch the same calls.

    Attributes:
        environment: The environment that they live in.
        names: The instrumentations, in the order in which they are switched on.
        agent: Whether the calls lie in a span that repeats what they used.
    """

    environment: str
    names: tuple[str, ...]
    agent: bool = False

    @property
    def label(self) -> str:
        """The watch in a test's name."""
        return " + ".join(self.names) + (", in an agent" if self.agent else "")


_ALONE: Final = ("genai_openai", "openinference", "traceloop", "logfire")
_PAIRS: Final = (
    ("genai_openai", "openinference"),
    ("openinference", "genai_openai"),
    ("genai_openai", "traceloop"),
    ("traceloop", "genai_openai"),
    ("spanledger", "openinference"),
    ("spanledger", "traceloop"),
    ("spanledger", "genai_openai"),
)

WATCHES: Final = (
    *(Watch(name, (name,)) for name in _ALONE),
    *(Watch("together", pair) for pair in _PAIRS),
    Watch("together", ("genai_openai", "openinference"), agent=True),
    Watch("together", ("genai_openai", "traceloop"), agent=True),
    Watch("together", ("spanledger", "openinference"), agent=True),
)
"""Each instrumentation alone in its environment, pairs in both orders, and some inside an agent."""


def call_openai(watch: Watch, environments: Environments, otlp: str, openai: str, user: str) -> None:
    """Call OpenAI on behalf of a user while the instrumentations watch; everything is exported at the end."""
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "OPENAI_BASE_URL": f"{openai}/v1",
        "OPENAI_API_KEY": "sk-clients",
        "PYTHONPATH": str(ROOT / "instrumentation") if "spanledger" in watch.names else "",
        # The environments lack what an engine installs for these two.
        "SPANLEDGER_SPOOL_MIB": "0",
    }
    shape = "agent" if watch.agent else "direct"
    done = subprocess.run(
        [environments.python(watch.environment), _PROGRAM, user, shape, *watch.names],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr


def total_cost() -> Decimal:
    """What the four calls cost together, by the vendor's prices for a million tokens."""
    read, written = chat_prompt_tokens([_QUESTION]), chat_answer_tokens([_QUESTION], None)
    dollars = (
        read * Decimal(30) + written * Decimal(60),  # gpt-4
        read * Decimal("1.5") + written * Decimal(2),  # gpt-3.5-turbo
        text_tokens(_QUESTION) * Decimal("0.02"),  # text-embedding-3-small
        read * Decimal("0.15") + written * Decimal("0.6"),  # gpt-4o-mini
    )
    return sum(dollars, Decimal(0)) / 1_000_000
