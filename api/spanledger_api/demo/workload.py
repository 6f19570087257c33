"""The jobs of the demonstration: the same each time, so that the bill is the same to the last digit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(StrEnum):
    """How an execution ends, as the ledger names it."""

    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Material:
    """Footage to analyse.

    Attributes:
        user_id: Whose it is.
        video_id: Its name.
        seconds: Its length.
        thumbnails: Bytes of each picture to keep of it.
        notes: What the crew wrote; beyond 32 KB they do not fit the model, which refuses them.
    """

    task_type: ClassVar[str] = "material_analysis"

    user_id: str
    video_id: str
    seconds: int
    thumbnails: tuple[int, ...]
    notes: str

    @property
    def outcome(self) -> Outcome:
        """Failed where the notes do not fit the model."""
        return Outcome.FAILED if len(self.notes) > _NOTES_THAT_FIT else Outcome.COMPLETED

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that run, in order; of a failed job the last one fails."""
        return ("video_analysis", "thumbnail_upload", "scene_summary")

    @property
    def cost_records(self) -> int:
        """One for the analysis, one a thumbnail, one for the summary if it succeeds."""
        return 1 + len(self.thumbnails) + (self.outcome is Outcome.COMPLETED)


@dataclass(frozen=True, slots=True)
class VoiceOver:
    """A recording to turn into a clean voice-over.

    Attributes:
        user_id: Whose it is.
        recording_id: Its name.
        seconds: Its length.
        characters: Characters to speak anew.
    """

    task_type: ClassVar[str] = "voiceover_processing"

    user_id: str
    recording_id: str
    seconds: int
    characters: int

    @property
    def outcome(self) -> Outcome:
        """Nothing goes wrong with these."""
        return Outcome.COMPLETED

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that run, in order."""
        return ("transcription", "script_polish", "speech_synthesis", "voice_upload")

    @property
    def cost_records(self) -> int:
        """One a step."""
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class Film:
    """A film to cut, render and deliver.

    Attributes:
        user_id: Whose it is.
        film_id: Its name.
        seconds: Its length.
        gigabytes: What its viewers fetch; 0 where nobody does.
        codec: What it is rendered to; the renderer knows h264 and av1.
        brief: What it shall tell.
        shots: How many shots there are to choose from.
    """

    task_type: ClassVar[str] = "video_generation"

    user_id: str
    film_id: str
    seconds: int
    gigabytes: int
    codec: str
    brief: str
    shots: int

    @property
    def outcome(self) -> Outcome:
        """Failed where the renderer does not know the codec."""
        return Outcome.COMPLETED if self.codec in CODECS else Outcome.FAILED

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that run, in order; of a failed job the last one fails."""
        steps = ("ai_segment_select", "ai_title", "render_video", "delivery")
        return steps if self.outcome is Outcome.COMPLETED else steps[:3]

    @property
    def cost_records(self) -> int:
        """One for each prompt; rendering and delivery cost only where they happen."""
        return len(self.steps) if self.outcome is Outcome.COMPLETED else 2


Job = Material | VoiceOver | Film

CODECS: Final = frozenset({"h264", "av1"})
"""What the renderer can render to."""

_NOTES_THAT_FIT: Final = 30_000
_NOTES: Final = "Morning light over the market, two people unpack crates of fruit, the camera follows slowly. "
_BRIEF: Final = "A family bakery opens before sunrise; show hands, flour, heat, and the first customer of the day."


def _materials(user_id: str, *seconds: int) -> list[Job]:
    return [
        Material(user_id, f"{user_id}-video-{number}", length, (48_000, 64_000), _NOTES * 12)
        for number, length in enumerate(seconds, 1)
    ]


def _voice_overs(user_id: str, *seconds: int) -> list[Job]:
    return [
        VoiceOver(user_id, f"{user_id}-voice-{number}", length, length * 14) for number, length in enumerate(seconds, 1)
    ]


def _films(user_id: str, *seconds: int, gigabytes: int = 1) -> list[Job]:
    return [
        Film(user_id, f"{user_id}-film-{number}", length, gigabytes, "h264", _BRIEF, shots=18)
        for number, length in enumerate(seconds, 1)
    ]


WORKLOAD: Final[tuple[Job, ...]] = (
    *_materials("user-123", 300, 1200, 600),
    *_films("user-123", 90, 120, 60, gigabytes=4),
    *_voice_overs("user-123", 90, 150),
    Film("user-123", "user-123-film-broken", 90, 1, "realvideo", _BRIEF, shots=24),
    *_materials("user-456", 300),
    *_films("user-456", 45, 90),
    *_voice_overs("user-456", 60),
    Material("user-456", "user-456-video-long-notes", 120, (32_000,), _NOTES * 400),
    *_films("user-789", 30),
    *_voice_overs("user-789", 30, 45, 60),
    *_materials("user-567", 60),
    *_films("user-567", 60),
    *_voice_overs("user-890", 90),
    *_films("user-890", 30),
)
"""Every job of the demonstration."""


def expected_steps(workload: tuple[Job, ...] = WORKLOAD) -> Mapping[str, Mapping[str, int]]:
    """How often each step runs, by task type and step name."""
    counts: dict[str, dict[str, int]] = {}
    for job in workload:
        steps = counts.setdefault(job.task_type, {})
        for step in job.steps:
            steps[step] = steps.get(step, 0) + 1
    return counts


def expected_cost_records(workload: tuple[Job, ...] = WORKLOAD) -> int:
    """How many operations are paid for."""
    return sum(job.cost_records for job in workload)
