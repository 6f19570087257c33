"""What the sample engines would have done on the days before: executions, steps and costs at a simulated time.

Everything passes the way of an engine that runs now (blocks, prices, delivery), only that nobody is called and that
the clock is set. The same day gives the same history, but for its identifiers.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

import spanledger
from spanledger.attributes import (
    GEN_AI_INPUT_TOKENS,
    GEN_AI_OPERATION,
    GEN_AI_OUTPUT_TOKENS,
    GEN_AI_PROVIDER,
    GEN_AI_REQUEST_MODEL,
)
from spanledger.simulated_time import simulated_time

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HistoryTotals", "write_history"]

_SEED: Final = 20_261
_NANOSECONDS: Final = 1_000_000_000
_EXECUTIONS_ON_A_WORKDAY: Final = 12
_WEEKEND: Final = (5, 6)
_WEEKEND_SHARE: Final = 0.4
_FAILURE_SHARE: Final = 0.03
_BUSY_HOUR: Final = 14.0
_HOURS_OF_SPREAD: Final = 3.5
_GROWTH_OVER_ALL_DAYS: Final = 0.5
_USERS: Final = {"user-123": 9, "user-456": 6, "user-789": 4, "user-567": 3, "user-890": 2, "user-234": 1}
_USD_PER_SPOKEN_CHARACTER: Final = Decimal("0.000015")
_DAYS_SINCE_THE_RUSH: Final = 6
_RUSH: Final = 3.0
"""So many days ago a campaign tripled the work: what unusual spend looks like."""


class _ServiceError(Exception):
    """The vendor broke off its answer; what was spent until then stays spent."""


@dataclass(slots=True)
class HistoryTotals:
    """What has been written.

    Attributes:
        executions: Number of task executions.
        records: Number of paid operations.
    """

    executions: int = 0
    records: int = 0


class _Clock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self._now = 0

    def __call__(self) -> int:
        return self._now

    def set(self, moment: datetime) -> None:
        """Go to a moment, aware, back or forth; to the second."""
        self._now = int(moment.timestamp()) * _NANOSECONDS

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += int(seconds * _NANOSECONDS)


class _Past:
    """Runs executions in simulated time."""

    def __init__(self, clock: _Clock, chance: random.Random) -> None:
        self._clock = clock
        self._chance = chance
        self._tracer = trace.get_tracer(__name__)
        self.totals = HistoryTotals()

    def material_analysis(self, user_id: str) -> None:
        """Analyse footage, as :class:`MaterialProcessingEngine` does."""
        seconds = self._chance.choice((30, 45, 60, 90, 120, 240))
        with spanledger.execution("material_analysis", user_id=user_id):
            with spanledger.step("video_analysis", metadata={"video_duration": seconds}):
                self._took(seconds * 0.22)
                self._paid("google_video_ai", "video_analysis", Decimal(seconds) / 60, "minutes")
            with spanledger.step("thumbnail_upload"):
                for _ in range(2):
                    self._took(0.12)
                    self._paid("s3", "upload", self._chance.randrange(40_000, 90_000), "bytes")
            with spanledger.step("scene_summary"):
                self._prompt("material_analysis", "scene_summary", "gpt-4", 360, 160)

    def voiceover_processing(self, user_id: str) -> None:
        """Make a voice-over, as :class:`VoiceOverEngine` does."""
        seconds = self._chance.randrange(20, 240)
        with spanledger.execution("voiceover_processing", user_id=user_id):
            with spanledger.step("transcription"):
                self._took(seconds * 0.06)
                self._paid("whisper", "whisper-1_transcription", seconds, "seconds")
            with spanledger.step("script_polish"):
                self._prompt("voiceover", "script_polish", "gpt-3.5-turbo", 260, 200)
            with spanledger.step("speech_synthesis"):
                self._took(seconds * 0.03)
                characters = seconds * 14
                self._paid("speech_synthesis", "speak", characters, "characters", _USD_PER_SPOKEN_CHARACTER)
            with spanledger.step("voice_upload"):
                self._took(0.4)
                self._paid("s3", "upload", seconds * 14 * 32, "bytes")

    def video_generation(self, user_id: str) -> None:
        """Make a film, as :class:`VideoCompositionEngine` does."""
        seconds = self._chance.choice((15, 30, 45, 60, 90, 120))
        with spanledger.execution("video_generation", user_id=user_id):
            with spanledger.step("ai_segment_select"):
                self._prompt("video_selection", "segment_select", "gpt-4", 420, 400)
            with spanledger.step("ai_title"):
                self._prompt("video_selection", "title", "gpt-3.5-turbo", 70, 24)
            with spanledger.step("render_video", metadata={"codec": "h264"}):
                self._took(seconds * 0.5)
                self._paid("cloudflare_stream", "render", seconds, "seconds")
            with spanledger.step("delivery"):
                self._took(0.6)
                self._paid("cloudfront", "delivery", Decimal(self._chance.randrange(2, 60)) / 10, "GB")

    def _took(self, seconds: float) -> None:
        """Let a while pass, now and then a long one; now and then it ends in an error."""
        self._clock.advance(seconds * self._chance.lognormvariate(0.0, 0.35))
        self._may_fail(_FAILURE_SHARE / 3)

    def _may_fail(self, share: float) -> None:
        if self._chance.random() < share:
            message = "the service broke off its answer"
            raise _ServiceError(message)

    def _paid(
        self, service: str, operation: str, quantity: int | Decimal, unit: str, price: Decimal | None = None
    ) -> None:
        self.totals.records += 1
        spanledger.record_cost(service=service, operation=operation, quantity=quantity, unit=unit, unit_cost=price)

    def _prompt(self, category: str, name: str, model: str, input_tokens: int, output_tokens: int) -> None:
        tokens_in = int(input_tokens * self._chance.uniform(0.7, 1.6))
        tokens_out = int(output_tokens * self._chance.uniform(0.6, 1.3))
        with spanledger.prompt(category, name):
            attributes: dict[str, str | int] = {
                GEN_AI_PROVIDER: "openai",
                GEN_AI_OPERATION: "chat",
                GEN_AI_REQUEST_MODEL: model,
                GEN_AI_INPUT_TOKENS: tokens_in,
                GEN_AI_OUTPUT_TOKENS: tokens_out,
            }
            span = self._tracer.start_span(f"chat {model}", kind=trace.SpanKind.CLIENT, attributes=attributes)
            self._clock.advance(tokens_out * 0.018 * self._chance.lognormvariate(0.0, 0.4))
            self.totals.records += 1
            try:
                self._may_fail(_FAILURE_SHARE)
            except _ServiceError as error:
                span.set_status(trace.Status(trace.StatusCode.ERROR, str(error)))
                raise
            finally:
                span.end()


def write_history(days: int, until: datetime, day_done: Callable[[int], None]) -> HistoryTotals:
    """Write the executions of so many whole days before a moment's UTC day, the oldest first.

    Args:
        days: How many; 0 writes none.
        until: The moment, aware; its own day stays empty.
        day_done: Called after each day with the number of days done.

    Returns:
        What the ledger will hold of it.
    """
    clock, chance = _Clock(), random.Random(_SEED)  # noqa: S311 - a plausible past, not a secret
    past = _Past(clock, chance)
    today = until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with simulated_time(clock):
        for number in range(days):
            day = today - timedelta(days=days - number)
            for moment in _moments(day, days - number, number / days, chance):
                clock.set(moment)
                _execute(past, chance)
            day_done(number + 1)
    return past.totals


def _execute(past: _Past, chance: random.Random) -> None:
    task = chance.choices((past.video_generation, past.voiceover_processing, past.material_analysis), (5, 4, 3))[0]
    user_id = chance.choices(list(_USERS), list(_USERS.values()))[0]
    past.totals.executions += 1
    try:
        task(user_id)
    except _ServiceError:
        return  # the execution is recorded as failed, which is all that shall become of it


def _moments(day: datetime, days_ago: int, elapsed: float, chance: random.Random) -> list[datetime]:
    """When executions start on a day: more in the afternoon, fewer at weekends, a little more every week."""
    count = _EXECUTIONS_ON_A_WORKDAY * (1 + _GROWTH_OVER_ALL_DAYS * elapsed) * chance.uniform(0.85, 1.15)
    count *= _WEEKEND_SHARE if day.weekday() in _WEEKEND else 1.0
    count *= _RUSH if days_ago == _DAYS_SINCE_THE_RUSH else 1.0
    hours = (chance.gauss(_BUSY_HOUR, _HOURS_OF_SPREAD) for _ in range(math.ceil(count)))
    return sorted(day + timedelta(hours=min(max(hour, 0.0), 23.5)) for hour in hours)
