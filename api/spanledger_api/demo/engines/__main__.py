"""Runs the sample engines in a process of their own: ``python -m spanledger_api.demo.engines``.

Every line on stdin is a JSON object. The first holds environment variables that say where the collector is; what takes
long to get ready is ready before that line comes. Each finished job is one JSON line on stdout, and so is, after the
last one, whether everything has been delivered. Then ``{"history_days": 30}`` has the days before today written, with a
line for each day and one at the end, and ``{"live": true}`` has further jobs run, one every few seconds, until the
process is ended. Exit status 1 means that something was not delivered, or happened that the workload does not foresee.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import openai

import spanledger
from spanledger.pricing import PriceBook
from spanledger_api.demo.engines.history import write_history
from spanledger_api.demo.engines.material_processing import MaterialProcessingEngine
from spanledger_api.demo.engines.video_composition import RenderError, VideoCompositionEngine
from spanledger_api.demo.engines.voice_over import VoiceOverEngine
from spanledger_api.demo.workload import WORKLOAD, Film, Job, Material, Outcome

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BUCKET = "media"
_PROMPTS = Path(__file__).parent.parent / "prompts"
_JOBS_AT_ONCE = 12
_DELIVERY_MS = 20_000
_SECONDS_BETWEEN_LIVE_JOBS = 2.0


class _Engines:
    """All engines, sharing clients as the threads and tasks of one service do."""

    def __init__(self, client: openai.OpenAI, asynchronous: openai.AsyncOpenAI, storage: S3Client) -> None:
        prompts = spanledger.PromptManager(_PROMPTS, client)
        self._materials = MaterialProcessingEngine(prompts, storage, _BUCKET)
        self._voices = VoiceOverEngine(client, prompts, storage, _BUCKET)
        self._films = VideoCompositionEngine(spanledger.PromptManager(_PROMPTS, asynchronous))
        self._slots = asyncio.Semaphore(_JOBS_AT_ONCE)

    async def run(self, job: Job) -> None:
        """Run one job and say how it ended; an error that no workload foresees passes."""
        execution_id, outcome = str(uuid4()), Outcome.COMPLETED
        async with self._slots:
            try:
                if isinstance(job, Film):
                    await self._films.compose(job, execution_id)
                elif isinstance(job, Material):
                    await asyncio.to_thread(self._materials.analyze, job, execution_id)
                else:
                    await asyncio.to_thread(self._voices.process, job, execution_id)
            except (openai.BadRequestError, RenderError):
                outcome = Outcome.FAILED
        _say(execution_id=execution_id, user_id=job.user_id, task_type=job.task_type, status=outcome)


def _say(**line: object) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the parent reads it


def _import_what_configure_needs() -> None:
    """Spend the time now that the ledger needs to start as well; a service of its own would not care."""
    for module in ("openai", "s3"):
        import_module(f"spanledger.calls.{module}")
    import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    PriceBook.built_in()


async def _run(engines: _Engines) -> None:
    async with asyncio.TaskGroup() as jobs:
        for job in WORKLOAD:
            jobs.create_task(engines.run(job))


async def _run_on(engines: _Engines) -> None:
    """Run one job after the other until the process is ended."""
    chance = random.Random()  # noqa: S311 - which job comes next is no secret
    while True:
        await engines.run(chance.choice(WORKLOAD))
        await asyncio.sleep(chance.expovariate(1 / _SECONDS_BETWEEN_LIVE_JOBS))


async def _obey(engines: _Engines) -> None:
    """Do what further lines on stdin ask for, until there are none."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        wanted = json.loads(line)
        if days := wanted.get("history_days", 0):
            totals = write_history(days, datetime.now(UTC), lambda done: _say(day=done))
            _say(delivered=spanledger.flush(_DELIVERY_MS), records=totals.records)
        elif wanted.get("live"):
            await _run_on(engines)


async def _work() -> bool:
    """Get everything ready, wait for the collector's address, and run every job; returns whether all is delivered."""
    storage = boto3.client("s3")
    storage.create_bucket(Bucket=_BUCKET)
    with openai.OpenAI() as client:
        async with openai.AsyncOpenAI() as asynchronous:
            engines = _Engines(client, asynchronous, storage)
            _import_what_configure_needs()
            os.environ.update(json.loads(sys.stdin.readline()))
            spanledger.configure("sample-engines")
            await _run(engines)
            delivered = spanledger.flush(_DELIVERY_MS)
            _say(delivered=delivered)
            await _obey(engines)
    return delivered


def main() -> int:
    """Run every job and deliver every span; returns the exit status."""
    return 0 if asyncio.run(_work()) else 1


if __name__ == "__main__":
    sys.exit(main())
