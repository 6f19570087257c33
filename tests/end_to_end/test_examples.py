"""The scripts of examples/ as their heads say to run them, against a live ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
import pytest
from moto.server import ThreadedMotoServer

from spanledger import environment
from spanledger_api.command_line.api_client import get
from spanledger_api.command_line.report import REPORTS
from spanledger_api.demo.children import Child
from spanledger_api.demo.loopback import paid_services, paid_services_environment
from spanledger_api.demo.readings import Reader
from spanledger_api.demo.scenario import up_arguments
from spanledger_api.http_server import HttpServer
from tests.instrumentation.calls.delivery import Delivery
from tests.instrumentation.calls.video_server import VideoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXAMPLES = Path(__file__).parents[2] / "examples"
_SINCE = "2026-01-01T00:00:00+00:00"
_SECONDS_TO_RUN = 120
_MEBIBYTE = 1024**2

_RUNS: Final = (
    ("cdn.py", "a", "{cdn}/bytes/1000000"),
    ("chat.py",),
    ("google_video.py", "submit", "gs://media/300"),
    ("openai_transcription.py", "{recording}"),
    ("s3_transfers.py", "files", "{file}"),
    ("streams.py",),
    ("upload_and_render.py", "pictures"),
)
"""How each script is run; what stands in braces is known when the services are up."""

_COST_RECORDS: Final = 15
_STEPS: Final = {
    "archive": {"copy": 1, "read": 1, "upload": 1},
    "material_analysis": {"video_analysis": 3},
    "minutes": {"summarise": 1, "transcribe": 1},
    "question": {"answer": 1},
    "story": {"write": 2},
    "thumbnails": {"render": 1, "upload": 1},
    "video_generation": {"fetch": 1, "render": 1},
}

_TRANSCRIPT: Final = "The opening scene carries the story; keep it, and cut to the close-up before the music turns.\n"


def _stored(amount: Decimal) -> Decimal:
    """An amount with the digits that the ledger keeps."""
    return amount.quantize(Decimal("1e-12"))


def _chat(question: str, prompt_price: str, answer_price: str) -> Decimal:
    """Four tokens a message besides its text, a token for every four bytes of it; 64 tokens an answer."""
    return (((len(question) + 3) // 4 + 4) * Decimal(prompt_price) + 64 * Decimal(answer_price)) / 1000


_QUESTION: Final = _chat("Why do double-entry books balance?", "0.03", "0.06")
_BAKER: Final = _chat("A short story about a baker.", "0.0015", "0.002")
_LEDGER: Final = _chat("A short story about a ledger.", "0.0015", "0.002")
_SUMMARY: Final = _chat(f"Summarise in one line: {_TRANSCRIPT}", "0.03", "0.06")
_SPEECH: Final = 90 * Decimal("0.006") / 60
_VIDEO: Final = 300 * Decimal("0.10") / 60
_DOWNLOADED: Final = _stored(1_000_000 * Decimal("0.085") / 1024**3)
_RENDERED: Final = _stored(Decimal("90.5") * Decimal("0.004") / 45)
_PICTURE: Final = _stored(Decimal("0.01") / 1024)
_FILES: Final = 2 * 9 * Decimal("0.01") / 1024
_STATED_RENDERING: Final = Decimal("0.008")
_LICENCE: Final = Decimal("0.0125")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of a ledger that every example has written to."""
    directory = tmp_path_factory.mktemp("examples")
    arguments = up_arguments(f"chdb://{directory}/ledger", 0)
    with (
        ExitStack() as services,
        Child("spanledger up", "spanledger_api.command_line", arguments, log=directory / "log") as ledger,
    ):
        values, variables = _services(services, directory)
        ready = json.loads(ledger.line(60))
        variables |= {environment.OTLP_ENDPOINT: ready["otlp_http"], environment.SPOOL_DIR: str(directory / "spool")}
        printed = _run_all([[word.format(**values) for word in run] for run in _RUNS], variables)
        operation = printed["google_video.py"].strip()
        # One reads the result after the other: the second finds it recorded already, by another process.
        for _ in range(2):
            _run_all([["google_video.py", "collect", operation]], variables)
        Reader(ready["api"], _SINCE).wait(_COST_RECORDS, _STEPS, [], 30)
        yield ready["api"]


def _services(running: ExitStack, directory: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Start what the examples pay; returns what they are told in arguments, and what in variables."""
    paid = running.enter_context(HttpServer(paid_services(), "127.0.0.1", 0))
    delivery, video = Delivery(), VideoServer()
    storage = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)  # the demonstration's cannot copy
    storage.start()
    for stop in (delivery.close, video.close, storage.stop):
        running.callback(stop)
    host, port = storage.get_host_and_port()
    s3 = boto3.Session("x", "x", region_name="us-east-1").client("s3", endpoint_url=f"http://{host}:{port}")
    for bucket in ("pictures", "files"):
        s3.create_bucket(Bucket=bucket)
    recording, file = directory / "recording.wav", directory / "film.mp4"
    file.write_bytes(bytes(9 * _MEBIBYTE))
    with wave.open(str(recording), "wb") as audio:
        audio.setparams((1, 1, 8000, 90 * 8000, "NONE", "not compressed"))
        audio.writeframes(bytes(90 * 8000))
    variables = paid_services_environment(paid.url) | {
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "CLOUDFLARE_API_TOKEN": "token",
        "CLOUDFLARE_BASE_URL": f"{delivery.url}/client/v4",
        "VIDEO_INTELLIGENCE_EMULATOR_HOST": video.target,
        environment.CLOUDFRONT_HOSTS: delivery.host,
        environment.CLOUDFLARE_STREAM_URLS: f"{delivery.host}/client/v4/accounts/*/stream*",
    }
    return {"cdn": delivery.url, "recording": str(recording), "file": str(file)}, variables


def _run_all(commands: list[list[str]], variables: dict[str, str]) -> dict[str, str]:
    """Run scripts side by side; each must end with success. Returns what each has printed."""
    running = {
        script: subprocess.Popen(
            [sys.executable, _EXAMPLES / script, *arguments],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        for script, *arguments in commands
    }
    printed = {script: example.communicate(timeout=_SECONDS_TO_RUN)[0] for script, example in running.items()}
    assert {script: example.returncode for script, example in running.items()} == dict.fromkeys(running, 0)
    return printed


def _costs(api: str, report: str, key: str) -> dict[object, Decimal]:
    rows = get(api, REPORTS[report].path, {"from": _SINCE}).rows()
    return {row[key]: Decimal(str(row["total_cost"])) for row in rows}


def test_every_example_is_run() -> None:
    """A script that is added to examples/ has to be run here too."""
    assert sorted(script for script, *_ in _RUNS) == sorted(path.name for path in _EXAMPLES.rglob("*.py"))


def test_each_user_is_billed(api: str) -> None:
    """Concurrent streams, threads and separate processes come together by user."""
    assert _costs(api, "users", "user_id") == {
        "user-123": _QUESTION + _BAKER + _SPEECH + _SUMMARY + _VIDEO,
        "user-456": _STATED_RENDERING + _LICENCE + _PICTURE + _LEDGER + _DOWNLOADED + _RENDERED,
        "user-789": _FILES,
    }


def test_each_service_costs_what_it_sold(api: str) -> None:
    """To the digit: by tokens, minutes, bytes and seconds, by the engine's word, and a video once."""
    assert _costs(api, "services", "service") == {
        "cloudflare_stream": _STATED_RENDERING + _RENDERED,
        "cloudfront": _DOWNLOADED,
        "font_licence": _LICENCE,
        "google_video_ai": _VIDEO,
        "openai": _QUESTION + _BAKER + _LEDGER + _SUMMARY,
        "s3": _PICTURE + _FILES,
        "whisper": _SPEECH,
    }


def test_prompts_are_named(api: str) -> None:
    """A call inside a prompt is named by it, one outside by its kind."""
    assert set(_costs(api, "prompts", "operation")) == {"gpt-4_chat", "gpt-3.5-turbo_story_short"}
