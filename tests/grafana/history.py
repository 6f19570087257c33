"""Ten days of two kinds of tasks, as boards show them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["history"]

_TASKS = {"video_generation": ("render_video", "select_segments"), "voiceover_processing": ("transcribe",)}
_SECOND = 1_000_000_000


def history(now: datetime) -> list[Span]:
    """Executions of the ten days before now, every kind of record among them."""
    draw = random.Random(11)  # noqa: S311 - test data
    return [
        span
        for number in range(120)
        for span in _execution(draw, f"execution-{number}", now - timedelta(minutes=5 + number * 115))
    ]


def _execution(draw: random.Random, name: str, start: datetime) -> Iterator[Span]:
    task = draw.choice(list(_TASKS))
    user = draw.choice(["ada", "bo & sons", "chen+1", ""])
    failed = draw.choice(["", "", "", "RateLimitError: slow down"])
    yield Span(
        start=start,
        duration_ns=90 * _SECOND,
        user=user,
        execution=name,
        task=task,
        execution_status="failed" if failed else "completed",
        failed=failed,
    )
    for step in _TASKS[task]:
        of_step = {"user": user, "execution": name, "task": task, "step": step}
        run = Span(user=user, execution=name, task=task, step=step, failed=failed)
        yield replace(run, start=start, duration_ns=draw.randrange(1, 90) * _SECOND)
        if step == "render_video":
            yield _paid(draw, start, "cloudflare_stream", "render", of_step)
            continue
        yield _paid(draw, start, "whisper" if step == "transcribe" else "s3", "call", of_step)
        yield _prompt(draw, start, failed, of_step)


def _paid(draw: random.Random, start: datetime, service: str, operation: str, of_step: dict[str, str]) -> Span:
    return Span(
        start=start + timedelta(seconds=1),
        duration_ns=draw.randrange(1, 30) * _SECOND,
        service=service,
        operation=operation,
        cost=Decimal(draw.randrange(10**11)).scaleb(-12),
        quantity=Decimal(draw.randrange(1, 900)),
        unit="MB" if service == "s3" else "seconds",
        user=of_step["user"],
        execution=of_step["execution"],
        task=of_step["task"],
        step=of_step["step"],
    )


def _prompt(draw: random.Random, start: datetime, failed: str, of_step: dict[str, str]) -> Span:
    model = draw.choice(["gpt-4", "gpt-3.5-turbo", "gpt-9"])
    source = {"gpt-9": draw.choice(["fallback", "unpriced"])}.get(model, "price_book")
    tokens = draw.randrange(100, 4000)
    return Span(
        start=start + timedelta(seconds=2),
        duration_ns=draw.randrange(1, 20) * _SECOND,
        failed=failed,
        service="openai",
        operation=f"{model}_video_selection_title",
        model=model,
        category="video_selection",
        prompt="title",
        cost=None if source == "unpriced" else Decimal(tokens) * Decimal("0.00003"),
        source=source,
        reason="the model is not in the book" if model == "gpt-9" else "",
        quantity=Decimal(tokens),
        unit="tokens",
        metadata={"prompt_tokens": str(tokens - 50), "completion_tokens": "50"},
        user=of_step["user"],
        execution=of_step["execution"],
        task=of_step["task"],
        step=of_step["step"],
    )
