"""The demonstration as a person starts it, recounted by hand from the list of its jobs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections import Counter, defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import spanledger_api.demo
from spanledger_api.demo.workload import WORKLOAD, Film, Material, VoiceOver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_api.demo.workload import Job

_DEMO = [sys.executable, "-m", "spanledger_api.command_line", "demo"]
_PROMPTS = Path(spanledger_api.demo.__file__).parent / "prompts"
_GIB = 1024**3
_TRANSCRIPT = "The opening scene carries the story; keep it, and cut to the close-up before the music turns."
_CHAT_USD = {"gpt-4": ("0.03", "0.06"), "gpt-3.5-turbo": ("0.0015", "0.002")}


class _Paid(NamedTuple):
    """One operation that somebody is billed for."""

    service: str
    operation: str
    usd: Decimal


def _paid(service: str, operation: str, quantity: int, price: str, per: int) -> _Paid:
    exact = quantity * Decimal(price) / per
    return _Paid(service, operation, exact.quantize(Decimal("1e-12"), ROUND_HALF_EVEN))


def _prompt(category: str, name: str, answer_tokens: int, **variables: object) -> _Paid:
    """A prompt of one message: a token for every four bytes of its text and four for the message."""
    file = tomllib.loads((_PROMPTS / category / f"{name}.toml").read_text())
    text: str = file["prompt"]
    for variable, value in variables.items():
        text = text.replace("{{" + variable + "}}", str(value))
    price, answer_price = _CHAT_USD[file["model"]]
    prompt_tokens = (len(text.encode()) + 3) // 4 + 4
    usd = (prompt_tokens * Decimal(price) + answer_tokens * Decimal(answer_price)) / 1000
    return _Paid("openai", f"{file['model']}_{category}_{name}", usd)


def _material(job: Material) -> Iterator[_Paid]:
    yield _paid("google_video_ai", "video_analysis", job.seconds, "0.10", 60)
    for size in job.thumbnails:
        yield _paid("s3", "upload", size, "0.01", _GIB)
    if not job.video_id.endswith("long-notes"):
        yield _prompt("material_analysis", "scene_summary", 160, notes=job.notes)


def _voice_over(job: VoiceOver) -> Iterator[_Paid]:
    yield _paid("whisper", "whisper-1_transcription", job.seconds, "0.006", 60)
    yield _prompt("voiceover", "script_polish", 200, seconds=job.seconds, transcript=_TRANSCRIPT)
    yield _paid("speech_synthesis", "speak", job.characters, "0.000015", 1)
    yield _paid("s3", "upload", job.characters * 32, "0.01", _GIB)


def _film(job: Film) -> Iterator[_Paid]:
    shots = "\n".join(f"{n}. {4 * n}s to {4 * n + 3}s: hands at work, close-up" for n in range(job.shots))
    yield _prompt("video_selection", "segment_select", 400, seconds=job.seconds, brief=job.brief, shots=shots)
    yield _prompt("video_selection", "title", 24, seconds=job.seconds, brief=job.brief)
    if job.codec != "realvideo":
        yield _paid("cloudflare_stream", "render", job.seconds, "0.004", 45)
        yield _paid("cloudfront", "delivery", job.gigabytes, "0.085", 1)


def _bill(job: Job) -> list[_Paid]:
    if isinstance(job, Material):
        return list(_material(job))
    return list(_voice_over(job) if isinstance(job, VoiceOver) else _film(job))


def _steps(job: Job) -> list[str]:
    if isinstance(job, Material):
        return ["video_analysis", "thumbnail_upload", "scene_summary"]
    if isinstance(job, VoiceOver):
        return ["transcription", "script_polish", "speech_synthesis", "voice_upload"]
    return ["ai_segment_select", "ai_title", "render_video", *(["delivery"] if job.codec != "realvideo" else [])]


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What ``spanledger demo --once --json`` prints."""
    run = subprocess.run(
        [*_DEMO, "--once", "--json", "--history-days", "7"], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    document: dict[str, Any] = json.loads(run.stdout)
    return document


def _costs(rows: list[dict[str, Any]], key: str) -> dict[str, tuple[Decimal, int]]:
    count = "calls_count" if key == "operation" else "operations_count"
    return {row[key]: (Decimal(row["total_cost"]), row[count]) for row in rows}


def _recount(pairs: list[tuple[str, _Paid]]) -> dict[str, tuple[Decimal, int]]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for key, paid in pairs:
        sums[key] += paid.usd
    counts = Counter(key for key, _ in pairs)
    return {key: (total, counts[key]) for key, total in sums.items()}


def test_each_user_pays_for_what_was_done_for_them(shown: dict[str, Any]) -> None:
    """Every user's amount and count equals the recount of that user's jobs, to the last digit."""
    recounted = _recount([(job.user_id, paid) for job in WORKLOAD for paid in _bill(job)])

    assert _costs(shown["reports"]["users"], "user_id") == recounted


def test_each_service_is_paid_what_it_is_owed(shown: dict[str, Any]) -> None:
    """Every service's amount and count equals the recount, whoever metered it."""
    recounted = _recount([(paid.service, paid) for job in WORKLOAD for paid in _bill(job)])

    assert _costs(shown["reports"]["services"], "service") == recounted


def test_each_prompt_shows_its_calls(shown: dict[str, Any]) -> None:
    """Every prompt is an operation of its own, named by model, category and name."""
    pairs = [(paid.operation, paid) for job in WORKLOAD for paid in _bill(job) if paid.service == "openai"]

    assert _costs(shown["reports"]["prompts"], "operation") == _recount(pairs)


def test_the_sums_agree(shown: dict[str, Any]) -> None:
    """Users, services and days add up to the recounted total, and prompts are a part of it."""
    total = sum((paid.usd for job in WORKLOAD for paid in _bill(job)), Decimal(0))

    assert shown["agree"] is True
    assert {Decimal(shown["totals"][name]) for name in ("users", "services", "trend")} == {total}
    assert 0 < Decimal(shown["totals"]["prompts"]) < total


def test_each_step_is_measured(shown: dict[str, Any]) -> None:
    """The bottleneck report lists each step of each task type with its runs, the slowest first."""
    counts = Counter((job.task_type, step) for job in WORKLOAD for step in _steps(job))
    bottleneck: dict[str, list[dict[str, Any]]] = shown["reports"]["bottleneck"]

    assert {(task, row["step_name"]): row["count"] for task, rows in bottleneck.items() for row in rows} == counts
    for rows in bottleneck.values():
        means = [Decimal(row["avg_duration"]) for row in rows]
        assert means == sorted(means, reverse=True)


def test_a_failed_task_keeps_its_cost(shown: dict[str, Any]) -> None:
    """The two tasks that fail are shown as failed, with their error and with what they had spent by then."""
    failed = {row["task_type"]: row for row in shown["failed_executions"]}
    broken = [job for job in WORKLOAD if isinstance(job, Film) and job.codec == "realvideo"]
    refused = [job for job in WORKLOAD if isinstance(job, Material) and job.video_id.endswith("long-notes")]

    assert len(shown["failed_executions"]) == len(broken) + len(refused) == 2
    jobs: list[Job] = [*broken, *refused]
    for job in jobs:
        row = failed[job.task_type]
        assert row["status"] == "failed"
        assert row["user_id"] == job.user_id
        assert Decimal(row["total_cost"]) == sum((paid.usd for paid in _bill(job)), Decimal(0))
    assert failed["video_generation"]["error_message"].startswith("RenderError: cannot render realvideo")
    assert "maximum context length" in failed["material_analysis"]["error_message"]


def test_the_days_before_are_filled(shown: dict[str, Any]) -> None:
    """The days of history that were asked for are in the ledger, and the reports on the run itself leave them out."""
    history = shown["history"]

    assert history["days"] == 7
    assert history["records"] > 100
    assert Decimal(history["total_cost"]) > Decimal(shown["totals"]["services"])


def test_each_kind_of_advice_is_given(shown: dict[str, Any]) -> None:
    """The jobs are such that a prompt, a user and a service stand out."""
    advice = {row["type"]: row["data"] for row in shown["reports"]["recommendations"]}

    assert advice["prompt_optimization"]["operation"] == "gpt-4_video_selection_segment_select"
    assert advice["user_cost_alert"]["user_id"] == "user-123"
    assert advice["service_dominance"]["service"] == "google_video_ai"


def test_nothing_answers_afterwards(shown: dict[str, Any]) -> None:
    """The API that was named is gone with the command."""
    host, _, port = shown["api"].removeprefix("http://").partition(":")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


def test_a_ledger_that_cannot_start_says_why() -> None:
    """What `spanledger up` says of a taken port reaches the person, and the exit status is 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = subprocess.run([*_DEMO, "--api-port", port], capture_output=True, text=True, check=False, timeout=120)

    assert run.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on" in run.stderr
    assert not run.stdout


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads the children of a process from /proc")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_nothing_outlives_a_demonstration_that_is_ended_early(number: signal.Signals, status: int) -> None:
    """Ended by a signal, it takes the ledger and the engines with it."""
    with subprocess.Popen(
        [*_DEMO, "--once"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as demo:
        deadline = time.monotonic() + 60
        while len(children := _children(demo.pid)) < 2:
            assert demo.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(demo.pid, number)
        assert demo.wait(60) == status

    assert [pid for pid in children if _alive(pid)] == []
