"""A month of three engines at work: executions with their steps and paid calls, as a company's ledger holds them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Final

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger

DAYS: Final = 60
"""How far back the ledger reaches: the month that is looked at and the one it is compared with."""

SILENT_DAY: Final = 11
"""So many days ago nothing arrived."""

FAILING_DAY: Final = 4
"""So many days ago the provider refused many calls."""

_USERS: Final = ("ada", "bo-studio", "chen-media", "dunya", "erik", "fatou-films", "gita")
_WEIGHTS: Final = (30, 22, 16, 11, 9, 7, 5)
_MILLION: Final = 1_000_000
_SATURDAY: Final = 5
_UNKNOWN_SHARE: Final = 0.02


@dataclass(frozen=True)
class _Call:
    """A paid call of a step: how much of what is used at which price."""

    service: str
    operation: str
    unit: str
    low: float
    high: float
    price: Decimal
    milliseconds: int
    model: str = ""
    category: str = ""
    prompt: str = ""


@dataclass(frozen=True)
class _Step:
    name: str
    milliseconds: int
    calls: tuple[_Call, ...] = ()


def _prompt(operation: str, tokens: tuple[int, int], price: str) -> _Call:
    model, category, name = operation.split("/")
    low, high = tokens
    return _Call(
        "openai", f"{model}_{category}_{name}", "tokens", low, high, Decimal(price), 2400, model, category, name
    )


_UPLOAD: Final = _Call("s3", "upload", "MB", 0.2, 90, Decimal("0.00000976562"), 180)
_TASKS: Final = {
    "material_analysis": (
        _Step(
            "video_analysis",
            5200,
            (_Call("google_video_ai", "video_analysis", "minutes", 1, 9, Decimal("0.10"), 4900),),
        ),
        _Step("describe_segments", 2600, (_prompt("gpt-4/material/describe", (900, 4000), "0.000037"),)),
        _Step("store_thumbnails", 700, (_UPLOAD, _UPLOAD)),
    ),
    "voiceover_processing": (
        _Step(
            "transcribe",
            3100,
            (_Call("whisper", "whisper-1_transcription", "minutes", 0.5, 6, Decimal("0.006"), 2900, "whisper-1"),),
        ),
        _Step("polish_script", 1900, (_prompt("gpt-3.5-turbo/voiceover/polish_script", (600, 2600), "0.0000017"),)),
    ),
    "video_generation": (
        _Step(
            "ai_segment_select",
            4800,
            (
                _prompt("gpt-4/video_selection/segment_select", (1800, 9000), "0.000036"),
                _prompt("gpt-4/video_selection/rank_segments", (700, 2500), "0.000036"),
            ),
        ),
        _Step(
            "render_video",
            45_000,
            (_Call("cloudflare_stream", "render", "seconds", 30, 240, Decimal("0.000088888888"), 44_000),),
        ),
        _Step("deliver", 1500, (_Call("cloudfront", "download", "GB", 0.05, 2.5, Decimal("0.085"), 1300),)),
    ),
}


@dataclass(frozen=True)
class _Run:
    """One execution on its way."""

    user: str
    task: str
    number: int
    fails: bool

    @property
    def execution(self) -> str:
        return f"{self.task.split('_')[0]}-{self.number}"

    def error(self, *, here: bool = True) -> str:
        return "RateLimitError: the provider asks to slow down" if self.fails and here else ""


@dataclass
class Month:
    """What :func:`store_month` writes, in order; the same for the same time.

    Attributes:
        now: The current time, aware.
        per_day: Executions on an ordinary working day of the last month.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    per_day: int = 22
    _chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - sample data
    _numbers: Iterator[int] = field(default_factory=lambda: count(_MILLION))

    def spans(self) -> Iterator[Span]:
        """Every span; none of them starts on the silent day."""
        silent = (self.now - timedelta(days=SILENT_DAY)).date()
        return (span for span in self._everything() if span.start.date() != silent)

    def _everything(self) -> Iterator[Span]:
        for ago in range(DAYS):
            day = (self.now - timedelta(days=ago)).replace(hour=0, minute=0)
            growth = 1.0 if ago < DAYS // 2 else 0.78
            weekday = 0.45 if day.weekday() >= _SATURDAY else 1.0
            for _ in range(max(1, round(self.per_day * growth * weekday * self._chance.uniform(0.85, 1.2)))):
                start = day + timedelta(hours=self._chance.triangular(0, 24, 14))
                spans = list(self._execution(start, failing=ago == FAILING_DAY))
                if start < self.now:
                    yield from spans
        yield from self._loose_calls()

    def _execution(self, start: datetime, *, failing: bool) -> Iterator[Span]:
        chance = self._chance
        (user,) = chance.choices(_USERS, _WEIGHTS)
        (task,) = chance.choices(tuple(_TASKS), (5, 4, 3))
        run = _Run(user, task, next(self._numbers), chance.random() < (0.25 if failing else 0.03))
        at, steps = start + timedelta(milliseconds=4), _TASKS[task]
        written: list[Span] = []
        for step in steps:
            spans = self._step(run, step, at, is_last=step is steps[-1])
            written += spans
            at += timedelta(microseconds=spans[0].duration_ns / 1000) + timedelta(milliseconds=chance.uniform(20, 90))
        yield Span(
            name=task,
            start=start,
            duration_ns=_nanoseconds(at - start),
            number=run.number,
            execution_status="failed" if run.fails else "completed",
            failed=run.error(),
            user=run.user,
            execution=run.execution,
            task=task,
        )
        yield from written

    def _step(self, run: _Run, step: _Step, start: datetime, *, is_last: bool) -> list[Span]:
        """The step, then its calls one after another."""
        number, at = next(self._numbers), start + timedelta(milliseconds=12)
        calls: list[Span] = []
        for call in step.calls:
            paid = replace(self._call(call, at), failed=run.error(here=is_last))
            of_run = replace(paid, user=run.user, execution=run.execution, task=run.task)
            calls.append(replace(of_run, step=step.name, of_step=number, parent=number, trace=run.number))
            at += timedelta(microseconds=paid.duration_ns / 1000 + 9000)
        span = Span(
            name=step.name,
            start=start,
            duration_ns=_nanoseconds(at - start) + int(self._chance.uniform(5, step.milliseconds / 10) * _MILLION),
            number=number,
            trace=run.number,
            parent=run.number,
            step=step.name,
            failed=run.error(here=is_last),
            user=run.user,
            execution=run.execution,
            task=run.task,
        )
        return [span, *calls]

    def _call(self, call: _Call, at: datetime) -> Span:
        chance = self._chance
        quantity = Decimal(str(round(chance.uniform(call.low, call.high), 0 if call.unit == "tokens" else 3)))
        is_unknown = call.service == "openai" and chance.random() < _UNKNOWN_SHARE
        return Span(
            name=call.operation,
            start=at,
            duration_ns=int(call.milliseconds * chance.lognormvariate(0, 0.35) * _MILLION),
            number=next(self._numbers),
            service=call.service,
            operation=call.operation,
            cost=None if is_unknown else (quantity * call.price).quantize(Decimal("1e-12")),
            source="unpriced" if is_unknown else "price_book",
            reason="the price book has no row for this model" if is_unknown else "",
            model="gpt-9-preview" if is_unknown else call.model,
            quantity=quantity,
            unit=call.unit,
            category=call.category,
            prompt=call.prompt,
            metadata=_token_counts(int(quantity), is_cached=chance.random() < 0.4) if call.unit == "tokens" else {},
        )

    def _loose_calls(self) -> Iterator[Span]:
        """Calls outside of executions, of nobody in particular."""
        for number in range(90):
            yield Span(
                name="embed",
                start=self.now - timedelta(hours=8 * number + 2),
                duration_ns=180 * _MILLION,
                number=next(self._numbers),
                service="openai",
                operation="text-embedding-3-small_embedding",
                model="text-embedding-3-small",
                cost=Decimal("0.031"),
                source="provider",
                quantity=Decimal(52_000),
                unit="tokens",
            )


def _token_counts(tokens: int, *, is_cached: bool) -> dict[str, str]:
    prompt = tokens * 7 // 10
    counts = {"prompt_tokens": str(prompt), "completion_tokens": str(tokens - prompt)}
    return counts | ({"cached_tokens": str(prompt // 4)} if is_cached else {})


def _nanoseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1) * 1000


def store_month(ledger: Ledger, month: Month | None = None) -> None:
    """Write a month into a ledger, in one batch."""
    store(ledger, list((month or Month()).spans()))
