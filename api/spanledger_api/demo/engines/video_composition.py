"""Cuts, renders and delivers films; asynchronous from end to end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import spanledger
from spanledger_api.demo.workload import CODECS

if TYPE_CHECKING:
    from spanledger_api.demo.workload import Film

_RENDER_SECONDS_PER_FILM_SECOND = 0.004
_DELIVERY_SECONDS_PER_GIGABYTE = 0.002


class RenderError(Exception):
    """The renderer cannot render what it was given."""


class VideoCompositionEngine:
    """Makes films.

    Args:
        prompts: Runs the prompts; its client is asynchronous.
    """

    def __init__(self, prompts: spanledger.PromptManager) -> None:
        self._prompts = prompts

    async def compose(self, film: Film, execution_id: str) -> None:
        """Make one film.

        Raises:
            RenderError: The codec is unknown. What was spent until then stays spent.
        """
        async with spanledger.execution("video_generation", user_id=film.user_id, execution_id=execution_id):
            variables = {"seconds": film.seconds, "brief": film.brief, "shots": _shot_list(film.shots)}
            async with spanledger.step("ai_segment_select", metadata={"shots": film.shots}):
                await self._prompts.aexecute_prompt("video_selection", "segment_select", variables)
            async with spanledger.step("ai_title"):
                await self._prompts.aexecute_prompt("video_selection", "title", variables)
            async with spanledger.step("render_video", metadata={"codec": film.codec}):
                await _render(film)
            async with spanledger.step("delivery"):
                await _deliver(film)


def _shot_list(count: int) -> str:
    return "\n".join(
        f"{number}. {number * 4}s to {number * 4 + 3}s: hands at work, close-up" for number in range(count)
    )


async def _render(film: Film) -> None:
    if film.codec not in CODECS:
        message = f"cannot render {film.codec}: choose one of {', '.join(sorted(CODECS))}"
        raise RenderError(message)
    started = time.perf_counter()
    await asyncio.sleep(film.seconds * _RENDER_SECONDS_PER_FILM_SECOND)
    spanledger.record_cost(
        service="cloudflare_stream",
        operation="render",
        quantity=film.seconds,
        unit="seconds",
        duration=(time.perf_counter() - started) * 1000,
        metadata={"codec": film.codec},
    )


async def _deliver(film: Film) -> None:
    started = time.perf_counter()
    await asyncio.sleep(film.gigabytes * _DELIVERY_SECONDS_PER_GIGABYTE)
    spanledger.record_cost(
        service="cloudfront",
        operation="delivery",
        quantity=film.gigabytes,
        unit="GB",
        duration=(time.perf_counter() - started) * 1000,
    )
