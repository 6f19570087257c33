"""What users install: a bare wheel that is light, and an engine of ten lines that shows up in the reports."""

from __future__ import annotations

import json
import os
import re
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING

from spanledger import environment as variables
from spanledger_api.demo.loopback import paid_services, paid_services_environment
from spanledger_api.demo.openai_usage import chat_answer_tokens, chat_prompt_tokens
from spanledger_api.http_server import HttpServer
from tests.end_to_end.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.running import Running

_SERVER_ONLY = {"chdb", "chdb-core", "fastapi", "clickhouse-connect", "uvicorn", "pandas", "pyarrow", "rich"}
_MEBIBYTE = 1024**2


def test_a_bare_install_is_light(environment: Callable[[str], Path]) -> None:
    """Without extras there is no engine, web framework or ClickHouse client, and less than 15 MB in all."""
    python = environment("")
    listed = subprocess.run(
        [python, "-c", "from importlib.metadata import distributions as d; print(*{x.name.lower() for x in d()})"],
        check=True,
        capture_output=True,
        text=True,
    )
    [site] = (python.parents[1] / "lib").glob("python*/site-packages")
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file() and path.suffix != ".pyc")

    assert not _SERVER_ONLY & set(listed.stdout.split())
    assert size < 15 * _MEBIBYTE


def test_a_bare_install_works_and_says_what_is_missing(environment: Callable[[str], Path], tmp_path: Path) -> None:
    """Prices can be asked for, blocks can be used, and a server's command names the extra to install."""
    python = environment("")
    spanledger = python.with_name("spanledger")
    quote = subprocess.run(
        [spanledger, "prices", "quote", "whisper", "--seconds", "90", "--json"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    up = subprocess.run([spanledger, "up"], check=False, capture_output=True, text=True, cwd=tmp_path)

    assert json.loads(quote.stdout)["total_cost"] == "0.009"
    assert up.returncode == 1
    assert "pip install 'spanledger[server]'" in up.stderr


def test_the_readmes_engine_shows_up_in_the_reports(
    environment: Callable[[str], Path], spanledger_up: Running, tmp_path: Path
) -> None:
    """The README's program, with the wheel and its engine extra only, is in every report to the digit."""
    [program] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    question = ["Which scene is first?"]
    tokens_in, tokens_out = chat_prompt_tokens(question), chat_answer_tokens(question, None)
    chat = (tokens_in * Decimal("0.03") + tokens_out * Decimal("0.06")) / 1000
    with HttpServer(paid_services(), "127.0.0.1", 0) as services:
        told = paid_services_environment(services.url) | {variables.OTLP_ENDPOINT: spanledger_up.otlp}
        subprocess.run(
            [environment("[engine]"), "-c", program], check=True, cwd=tmp_path, env={**os.environ, **told}, timeout=60
        )

    spanledger_up.wait_for(lambda: len(spanledger_up.report("cost/services")) == 2)

    services_report = {row["service"]: row["total_cost"] for row in spanledger_up.report("cost/services")}
    assert services_report == {"openai": chat, "cloudflare_stream": Decimal("0.008")}
    [user] = spanledger_up.report("cost/users")
    assert (user["user_id"], user["total_cost"], user["operations_count"]) == ("user-123", chat + Decimal("0.008"), 2)
    [prompt] = spanledger_up.report("cost/prompts")
    assert prompt["operation"] == "gpt-4_video_selection_segment_select"
    [step] = spanledger_up.report("performance/bottleneck", taskType="material_analysis")
    assert (step["step_name"], step["count"]) == ("segment_select", 1)
