"""Turns a recording into a clean voice-over: transcribe, polish, speak anew."""

from __future__ import annotations

import io
import time
import wave
from decimal import Decimal
from typing import TYPE_CHECKING

import spanledger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from openai import OpenAI

    from spanledger_api.demo.workload import VoiceOver

_USD_PER_SPOKEN_CHARACTER = Decimal("0.000015")
_SYNTHESIS_SECONDS_PER_CHARACTER = 0.00002
_SAMPLES_PER_SECOND = 1000


class VoiceOverEngine:
    """Processes voice recordings.

    Args:
        openai: Transcribes.
        prompts: Runs the prompts.
        storage: Keeps the result.
        bucket: The bucket for it.
    """

    def __init__(self, openai: OpenAI, prompts: spanledger.PromptManager, storage: S3Client, bucket: str) -> None:
        self._openai = openai
        self._prompts = prompts
        self._storage = storage
        self._bucket = bucket

    def process(self, job: VoiceOver, execution_id: str) -> None:
        """Make the voice-over of one recording."""
        with spanledger.execution("voiceover_processing", user_id=job.user_id, execution_id=execution_id):
            recording = _recording(job.seconds)
            with spanledger.step("transcription", metadata={"bytes": len(recording)}):
                transcript = self._transcribe(recording)
            with spanledger.step("script_polish"):
                variables = {"seconds": job.seconds, "transcript": transcript}
                self._prompts.execute_prompt("voiceover", "script_polish", variables)
            with spanledger.step("speech_synthesis"):
                voice = _speak(job.characters)
            with spanledger.step("voice_upload"):
                self._storage.upload_fileobj(io.BytesIO(voice), self._bucket, f"{job.recording_id}.wav")

    def _transcribe(self, recording: bytes) -> str:
        return self._openai.audio.transcriptions.create(model="whisper-1", file=("voice.wav", recording)).text


def _recording(seconds: int) -> bytes:
    """A WAV file of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(1)
        audio.setframerate(_SAMPLES_PER_SECOND)
        audio.writeframes(bytes(_SAMPLES_PER_SECOND * seconds))
    return file.getvalue()


def _speak(characters: int) -> bytes:
    """Speech of a vendor that the price book does not know: its price is stated with the record."""
    started = time.perf_counter()
    time.sleep(characters * _SYNTHESIS_SECONDS_PER_CHARACTER)
    spanledger.record_cost(
        service="speech_synthesis",
        operation="speak",
        quantity=characters,
        unit="characters",
        unit_cost=_USD_PER_SPOKEN_CHARACTER,
        duration=(time.perf_counter() - started) * 1000,
    )
    return bytes(characters * 32)
