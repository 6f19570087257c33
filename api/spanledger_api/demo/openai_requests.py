"""What the loopback OpenAI service takes: the parameters that change an answer or its usage; others are ignored."""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, Field

from spanledger_api.demo.openai_errors import unknown_model


class Model(NamedTuple):
    """One model of the service.

    Attributes:
        dated: The name that a response carries for the alias.
        window: Tokens that fit, prompt and answer together; the vector length of an embedding model; 0 for audio.
    """

    dated: str
    window: int


MODELS: Final = {
    "gpt-4": Model("gpt-4-0613", 8192),
    "gpt-4o-mini": Model("gpt-4o-mini-2024-07-18", 128_000),
    "gpt-3.5-turbo": Model("gpt-3.5-turbo-0125", 16_385),
    "text-embedding-3-small": Model("text-embedding-3-small", 1536),
    "whisper-1": Model("whisper-1", 0),
}
"""Every model that the service has, by the name that a request asks for."""


class _Request(BaseModel):
    model: str

    @property
    def served(self) -> Model:
        """The model that answers.

        Raises:
            OpenAIRefusalError: The service has no such model.
        """
        if self.model not in MODELS:
            raise unknown_model(self.model)
        return MODELS[self.model]


class _Part(BaseModel):
    text: str = ""


class _Message(BaseModel):
    content: str | list[_Part]

    @property
    def text(self) -> str:
        """The text of the message, whether its content is one string or parts."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class _StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(_Request):
    """Body of ``POST /v1/chat/completions``."""

    messages: Annotated[list[_Message], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None

    @property
    def texts(self) -> list[str]:
        """The text of each message, in order."""
        return [message.text for message in self.messages]

    @property
    def limit(self) -> int | None:
        """Tokens that the answer may have at most; None sets no limit."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_usage(self) -> bool:
        """Whether a stream shall end with its usage."""
        return self.stream_options is not None and self.stream_options.include_usage


class EmbeddingRequest(_Request):
    """Body of ``POST /v1/embeddings``."""

    input: str | Annotated[list[str], Field(min_length=1)]
    encoding_format: Literal["float", "base64"] = "float"

    @property
    def texts(self) -> list[str]:
        """The texts to embed, in order."""
        return [self.input] if isinstance(self.input, str) else self.input


class TranscriptionRequest(_Request):
    """Form of ``POST /v1/audio/transcriptions``."""

    file: bytes
    response_format: Literal["json", "verbose_json", "text"] = "json"

    @classmethod
    def from_form(cls, body: bytes, content_type: str) -> TranscriptionRequest:
        """Read a ``multipart/form-data`` body.

        Raises:
            pydantic.ValidationError: A part is missing or has a value that the service does not take.
        """
        boundary = content_type.partition("boundary=")[2].strip('"').encode()
        parts: dict[str, bytes] = {}
        for part in body.split(b"--" + boundary)[1:-1]:
            head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            name = head.partition(b'name="')[2].partition(b'"')[0].decode()
            parts[name] = content.removesuffix(b"\r\n")
        return cls.model_validate({name: part if name == "file" else part.decode() for name, part in parts.items()})
