"""Other instrumentations of OpenAI's client, alone and together, and what the calls that they watch cost."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from spanledger_api.demo.openai_usage import chat_answer_tokens, chat_prompt_tokens, text_tokens
from tests.clients.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.clients.environments import Environments

__all__ = ["CALLS", "PACKAGES", "WATCHES", "Engine", "Watch", "call_openai", "total_cost"]

_PROGRAM: Final = ROOT / "tests" / "clients" / "programs" / "call_openai.py"
_QUESTION: Final = "Name the scene in at most 10 tokens."
_SECONDS: Final = 120

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


@dataclass(frozen=True)
class Engine:
    """An engine that a watch looks at, and where its spans go.

    Attributes:
        watch: The instrumentations.
        user: On whose behalf it calls.
        otlp: Base address of the collector.
    """

    watch: Watch
    user: str
    otlp: str


def call_openai(engines: Sequence[Engine], environments: Environments, openai: str) -> dict[Watch, str]:
    """Let engines of one environment call OpenAI, one after another; everything is exported at the end.

    Returns:
        What went wrong, by watch; nothing for an engine that ended well.
    """
    [environment] = {engine.watch.environment for engine in engines}
    told = [
        {
            "variables": {"OTEL_EXPORTER_OTLP_ENDPOINT": engine.otlp},
            "path": [str(ROOT / "instrumentation")] if "spanledger" in engine.watch.names else [],
            "user": engine.user,
            "agent": engine.watch.agent,
            "names": engine.watch.names,
        }
        for engine in engines
    ]
    done = subprocess.run(
        [environments.python(environment), _PROGRAM],
        # The environments lack what an engine installs for a spool.
        env={"OPENAI_BASE_URL": f"{openai}/v1", "OPENAI_API_KEY": "sk-clients", "SPANLEDGER_SPOOL_MIB": "0"},
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    statuses: list[int] = json.loads(done.stdout)
    return {engine.watch: done.stderr for engine, status in zip(engines, statuses, strict=True) if status}


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
