"""Transcriptions and speech: the length or the tokens, from where they stand, whatever the upload is made of."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import openai
import pytest

import spanledger
from tests.instrumentation.calls.openai_calls import recording
from tests.instrumentation.openai_service import scenario

if TYPE_CHECKING:
    from pathlib import Path

    from tests.instrumentation.recorder import Recorder

WAV = recording(90)


class Pipe(io.RawIOBase):
    """An upload that can be read once."""

    name = "voice.wav"

    def __init__(self) -> None:
        super().__init__()
        self._left = io.BytesIO(WAV)

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        return self._left.read(size)

    def readable(self) -> bool:
        """True."""
        return True


def uploads(folder: Path) -> dict[str, Any]:
    """The same recording in every form that the client takes."""
    path = folder / "voice.wav"
    path.write_bytes(WAV)
    return {
        "bytes": WAV,
        "path": path,
        "file": path.open("rb"),
        "buffer": io.BytesIO(WAV),
        "tuple": ("voice.wav", WAV),
        "tuple with a file": ("voice.wav", io.BytesIO(WAV), "audio/wav"),
    }


@pytest.mark.parametrize("usage", ["stated", None])
@pytest.mark.parametrize("kind", ["json", "verbose_json", "text", "srt", "vtt"])
def test_ninety_seconds_cost_the_same_from_any_upload(
    usage: str | None,
    kind: str,
    recorder: Recorder,
    paid: openai.OpenAI,
    tmp_path: Path,
) -> None:
    """0.009 USD, whether the answer states the length, the usage or neither."""
    more = {} if usage else {"extra_headers": scenario(usage=None)}
    files = uploads(tmp_path)
    create: Any = paid.audio.transcriptions.create
    for file in files.values():
        create(model="whisper-1", file=file, response_format=kind, **more)
    files["file"].close()

    records = recorder.costs()
    assert {record["cost.total_cost"] for record in records} == {"0.009"}
    assert {record["cost.quantity"] for record in records} == {"1.5"}
    assert {record["cost.operation"] for record in records} == {"whisper-1_transcription"}
    assert len(records) == len(files)


def test_an_upload_is_not_moved(recorder: Recorder, paid: openai.OpenAI) -> None:
    """The client leaves a file object where it leaves it without us, wherever it was before."""
    file = io.BytesIO(WAV)
    file.seek(44)
    paid.audio.transcriptions.create(model="whisper-1", file=file, response_format="text")

    assert file.tell() == len(WAV)
    assert recorder.cost()["cost.total_cost"] == "0.009"


def test_an_upload_that_can_be_read_once_is_unpriced(recorder: Recorder, paid: openai.OpenAI) -> None:
    """The recording reaches the service untouched; its length is nobody's to tell."""
    create: Any = paid.audio.transcriptions.create  # takes more than it declares
    create(model="whisper-1", file=("voice.wav", Pipe()), response_format="text")

    record = recorder.cost()
    assert (record["cost.service"], record["cost.source"]) == ("whisper", "unpriced")
    assert record["cost.reason"] == "the answer does not state its usage"


def test_an_upload_of_an_unknown_kind_is_unpriced(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Bytes that no reader knows."""
    paid.audio.transcriptions.create(model="whisper-1", file=b"no audio at all", response_format="srt")

    assert recorder.cost()["cost.source"] == "unpriced"


def test_concurrent_recordings_belong_to_their_users(recorder: Recorder, openai_url: str) -> None:
    """Asynchronous transcriptions of several users at once."""

    async def transcribe(client: openai.AsyncOpenAI, user: str, seconds: int) -> None:
        async with spanledger.execution("voiceover", user_id=user), spanledger.step("transcribe"):
            file = io.BytesIO(recording(seconds))
            await client.audio.transcriptions.create(model="whisper-1", file=file, response_format="text")

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="key", base_url=openai_url) as client:
            await asyncio.gather(*(transcribe(client, f"user-{n}", n * 60) for n in range(1, 4)))

    asyncio.run(main())
    costs = {str(record["user.id"]): record["cost.total_cost"] for record in recorder.costs()}
    assert costs == {"user-1": "0.006", "user-2": "0.012", "user-3": "0.018"}


def test_speech_that_is_not_listened_to_is_paid_all_the_same(recorder: Recorder, paid: openai.OpenAI) -> None:
    """The text is what is charged, not how much of the sound was fetched."""
    with paid.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="hello"):
        pass

    record = recorder.cost()
    assert (record["cost.quantity"], record["cost.unit"], record["cost.total_cost"]) == ("5", "characters", "0.000075")
    assert (record["cost.service"], record["cost.operation"]) == ("openai", "tts-1_speech")


def test_a_failed_transcription_costs_nothing(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Three attempts are counted on the span, and there is no record."""
    with pytest.raises(openai.InternalServerError):
        paid.audio.transcriptions.create(model="whisper-1", file=WAV, extra_headers=scenario(status=[500]))

    assert recorder.costs() == []
    assert recorder.attributes("transcription whisper-1")["cost.metadata.attempts"] == 3
