"""Finds out what a video shows, and keeps thumbnails of it."""

from __future__ import annotations

import io
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import spanledger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from spanledger_api.demo.workload import Material

_ANALYSIS_SECONDS_PER_FOOTAGE_SECOND = 0.0002


class MaterialProcessingEngine:
    """Analyses footage.

    Args:
        prompts: Runs the prompts.
        storage: Keeps the thumbnails.
        bucket: The bucket for them.
    """

    def __init__(self, prompts: spanledger.PromptManager, storage: S3Client, bucket: str) -> None:
        self._prompts = prompts
        self._storage = storage
        self._bucket = bucket

    def analyze(self, material: Material, execution_id: str) -> str:
        """Analyse one video and return what it shows.

        Raises:
            openai.OpenAIError: The model refuses the notes. What was spent until then stays spent.
        """
        with spanledger.execution("material_analysis", user_id=material.user_id, execution_id=execution_id):
            with spanledger.step("video_analysis", metadata={"video_duration": material.seconds}):
                self._annotate(material)
            with spanledger.step("thumbnail_upload"):
                self._upload_thumbnails(material)
            with spanledger.step("scene_summary"):
                answer = self._prompts.execute_prompt("material_analysis", "scene_summary", {"notes": material.notes})
            return answer.response.choices[0].message.content or ""

    def _annotate(self, material: Material) -> None:
        """Have the video analysed; the vendor bills by the minute of footage."""
        started = time.perf_counter()
        time.sleep(material.seconds * _ANALYSIS_SECONDS_PER_FOOTAGE_SECOND)
        spanledger.record_cost(
            service="google_video_ai",
            operation="video_analysis",
            quantity=Decimal(material.seconds) / 60,
            unit="minutes",
            duration=(time.perf_counter() - started) * 1000,
            metadata={"video_duration": material.seconds},
        )

    def _upload_thumbnails(self, material: Material) -> None:
        """Upload the first picture in one piece and the others as files; both are metered by themselves."""
        first, *others = material.thumbnails
        self._storage.put_object(Bucket=self._bucket, Key=f"{material.video_id}/0.jpg", Body=bytes(first))
        for number, size in enumerate(others, 1):
            self._storage.upload_fileobj(io.BytesIO(bytes(size)), self._bucket, f"{material.video_id}/{number}.jpg")
