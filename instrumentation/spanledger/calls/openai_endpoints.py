"""OpenAI's paid endpoints, by the path that its clients ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["Endpoint", "find_endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One paid endpoint.

    Attributes:
        operation: What it does, the second part of a record's operation: ``gpt-4_chat``, ``whisper-1_transcription``.
        service: Who is paid, as in ``cost.service``.
        is_model_call: Whether its spans follow the GenAI conventions, which have no name for audio and images.
        api_type: Which of the two chat interfaces it is; None for all others.
        streams_usage_on_request: Whether its streams state their usage only where the request asks for it.
        unpriced: Why no price can be put on it, although it costs; None where one can.
    """

    operation: str
    service: str = "openai"
    is_model_call: bool = False
    api_type: str | None = None
    streams_usage_on_request: bool = False
    unpriced: str | None = None


_IMAGES: Final = "images are paid by size, quality and image tokens, which the price book does not know"

_ENDPOINTS: Final = {
    "/chat/completions": Endpoint(
        "chat", is_model_call=True, api_type="chat_completions", streams_usage_on_request=True
    ),
    "/completions": Endpoint("text_completion", is_model_call=True, streams_usage_on_request=True),
    "/responses": Endpoint("chat", is_model_call=True, api_type="responses"),
    "/responses/compact": Endpoint("chat", is_model_call=True, api_type="responses"),
    "/embeddings": Endpoint("embeddings", is_model_call=True),
    "/audio/transcriptions": Endpoint("transcription", service="whisper"),
    "/audio/translations": Endpoint("translation", service="whisper"),
    "/audio/speech": Endpoint("speech"),
    "/images/generations": Endpoint("image", unpriced=_IMAGES),
    "/images/edits": Endpoint("image", unpriced=_IMAGES),
    "/images/variations": Endpoint("image", unpriced=_IMAGES),
}


def find_endpoint(method: str, path: str) -> Endpoint | None:
    """The paid endpoint that a request goes to; None if the request costs nothing by itself."""
    return _ENDPOINTS.get(path.partition("?")[0]) if method.lower() == "post" else None
