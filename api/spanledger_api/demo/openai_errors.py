"""The refusals of the loopback OpenAI service, in the body that OpenAI's clients turn into their exceptions."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from pydantic import ValidationError


class OpenAIRefusalError(Exception):
    """The service refuses a request.

    Args:
        status: The HTTP status; the client picks the exception type by it.
        detail: What is wrong, for people.
        code: What is wrong, for programs; None where OpenAI gives no code.
        parameter: The offending parameter; None where none is to blame.
        kind: OpenAI's class of the error.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        code: str | None = None,
        parameter: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(detail)
        self._status = status
        self._error = {"message": detail, "type": kind, "param": parameter, "code": code}

    def response(self) -> JSONResponse:
        """The refusal as an HTTP response."""
        return JSONResponse({"error": self._error}, self._status)


def invalid_request(error: ValidationError) -> OpenAIRefusalError:
    """A body is no JSON, or a parameter is missing or has a value that the service does not take."""
    first = error.errors()[0]
    parameter = ".".join(str(part) for part in first["loc"]) or None
    if first["type"] == "missing":
        detail, code = f"Missing required parameter: '{parameter}'.", "missing_required_parameter"
    elif parameter is None:
        detail, code = f"We could not parse the JSON body of your request: {first['msg']}", None
    else:
        detail, code = f"Invalid value for '{parameter}': {first['msg']}.", "invalid_value"
    return OpenAIRefusalError(HTTPStatus.BAD_REQUEST, detail, code=code, parameter=parameter)


def unknown_model(model: str) -> OpenAIRefusalError:
    """The service has no such model."""
    detail = f"The model `{model}` does not exist or you do not have access to it."
    return OpenAIRefusalError(HTTPStatus.NOT_FOUND, detail, code="model_not_found")


def context_exceeded(tokens: int, window: int) -> OpenAIRefusalError:
    """The messages and the answer do not fit into the model's window (both in tokens)."""
    detail = (
        f"This model's maximum context length is {window} tokens. However, you requested {tokens} tokens. "
        "Please reduce the length of the messages."
    )
    return OpenAIRefusalError(HTTPStatus.BAD_REQUEST, detail, code="context_length_exceeded", parameter="messages")


def invalid_key() -> OpenAIRefusalError:
    """The request carries no API key, or one that is none."""
    detail = "Incorrect API key provided: a key starts with 'sk-'."
    return OpenAIRefusalError(HTTPStatus.UNAUTHORIZED, detail, code="invalid_api_key")


def quota_exceeded() -> OpenAIRefusalError:
    """The key's account has nothing left."""
    detail = "You exceeded your current quota, please check your plan and billing details."
    kind = "insufficient_quota"
    return OpenAIRefusalError(HTTPStatus.TOO_MANY_REQUESTS, detail, code=kind, kind=kind)
