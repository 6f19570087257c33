"""OpenAI on loopback, with the responses interface beside what the demonstration serves."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from spanledger_api.demo.openai_service import openai_service
from spanledger_api.demo.openai_usage import chat_answer_tokens, chat_prompt_tokens

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["openai_interface"]


def openai_interface() -> Starlette:
    """The service as an ASGI application, without state."""
    return Starlette(routes=[Route("/v1/responses", _respond, methods=["POST"]), Mount("/", openai_service())])


async def _respond(request: Request) -> JSONResponse:
    asked = await request.json()
    read, written = chat_prompt_tokens([asked["input"]]), chat_answer_tokens([asked["input"]], None)
    part: dict[str, object] = {"type": "output_text", "text": "A quiet street at dawn.", "annotations": []}
    return JSONResponse(
        {
            "id": f"resp_{uuid.uuid4().hex}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "completed",
            "model": f"{asked['model']}-2024-07-18",
            "output": [
                {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
            ],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": read,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": written,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": read + written,
            },
        }
    )
