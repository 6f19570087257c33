"""Every shell block of the documentation, and which of them nothing here can run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "ShellBlock", "exceptions", "shell_blocks"]

ROOT: Final = Path(__file__).parents[2]

_FENCED = re.compile(r"^( *)```(?:sh|bash|shell|console)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)

_CLONES = "clones this repository and sets it up: tests/requirements and tests/end_to_end/test_demo.py do the steps"
_DOCKER = "needs Docker: tests/deployment reads the same files"
_CLUSTER = "needs a ClickHouse server: tests/clickhouse and tests/api/command_line/test_copy.py stand for it"
_GO = "builds with Go for minutes: tests/collector/otelcol runs what it builds"

exceptions: Final = {
    "README.md: git clone <this repository> spanledger && cd spanledger": _CLONES,
    "docs/index.md: git clone <this repository> spanledger && cd spanledger": _CLONES,
    "docs/benchmarks.md: python benchmarks/ledger_size.py --records 1000000 10000000 "
    "--rounds 20 --rate 20000": "runs for hours",
    "docs/guides/cluster.md: spanledger migrate --dsn "
    "'clickhouse://spanledger:…@clickhouse:8123/spanledger?cluster=ledger'": _CLUSTER,
    'docs/guides/cluster.md: echo "CLICKHOUSE_CLUSTER_SECRET=$(openssl rand -hex 32)" >> .env': _DOCKER,
    "docs/guides/docker.md: docker build --tag spanledger .": _DOCKER,
    r"docs/guides/docker.md: sed -n 's/^\([A-Z_]*\)=$/\1/p' .env.example | while read -r name; "
    'do echo "$name=$(openssl rand -hex 32)"; done > .env': _DOCKER,
    "docs/guides/opentelemetry-collector.md: make collector": _GO,
    "docs/guides/opentelemetry-collector.md: SPANLEDGER_GATEWAY=https://gateway:4318 SPANLEDGER_INGEST_KEY=… \\": _GO,
    "docs/guides/opentelemetry-collector.md: SPANLEDGER_REQUIRE_OTELCOL=1 "
    ".venv/bin/python -m pytest tests/collector/otelcol": _GO,
    "docs/guides/operate.md: spanledger migrate --dsn clickhouse://…/spanledger": _CLUSTER,
    'docs/guides/security.md: SPANLEDGER_ANALYST_PASSWORD="$(openssl rand -hex 32)" spanledger migrate '
    "--dsn clickhouse://spanledger:…@db/spanledger": _CLUSTER,
}
"""The blocks that are not run, by page and first command, and why."""


@dataclass(frozen=True)
class ShellBlock:
    """One block.

    Attributes:
        page: Path of its page from the root of the repository.
        commands: What a reader types.
        printed: What the page says that it prints; empty where it does not say.
    """

    page: str
    commands: str
    printed: str

    @property
    def name(self) -> str:
        """Its page and its first command, without the comment."""
        return f"{self.page}: {re.split(r'  +#', self.commands, maxsplit=1)[0].splitlines()[0].strip()}"


def shell_blocks() -> list[ShellBlock]:
    """Those of the README and of every page below docs/, in order."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        _block(str(page.relative_to(ROOT)), content)
        for page in pages
        for _, content in _FENCED.findall(page.read_text(encoding="utf-8"))
    ]


def _block(page: str, content: str) -> ShellBlock:
    lines = content.splitlines()
    if not any(line.startswith("$ ") for line in lines):
        return ShellBlock(page, content, "")
    typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    printed = [line for line in lines if not line.startswith("$ ")]
    return ShellBlock(page, "\n".join(typed) + "\n", "".join(f"{line}\n" for line in printed))
