"""Errors as ``application/problem+json`` (RFC 9457): what is wrong, with which parameter, and nothing of the inside."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from spanledger.exceptions import InvalidRequestError, OverloadedError, PermissionDeniedError, RetryableError
from spanledger_api.encoding import to_json
from spanledger_api.request_ids import REQUEST_ID, request_id
from spanledger_api.security import SECURITY_HEADERS
from spanledger_api.slow_questions import RETRY_SECONDS
from spanledger_clickhouse.bounded_ledger import READING_LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from spanledger_api.slow_questions import SlowQuestions

MEDIA_TYPE: Final = "application/problem+json"
"""Media type of every error answer."""

_TYPE_PREFIX = "urn:spanledger:problem:"
_RETRY_AFTER_SECONDS = "5"
_TRANSIENT_ENGINE_ERRORS = {
    202: "The ledger is busy; try again.",  # TOO_MANY_SIMULTANEOUS_QUERIES
    241: "The report needs more memory than its limit; ask for a shorter window or try again.",  # MEMORY_LIMIT_EXCEEDED
}
_TIMEOUT_EXCEEDED = 159
TOO_SLOW: Final = (
    "It took longer than the {seconds} s that one question may take; ask for a shorter window (from, to) or for fewer "
    "records (userId, service, taskType)."
)
"""Detail of the problem of a question that takes too long."""

_MOST_MILLISECONDS = re.compile(r"maximum: ([0-9.]+) ms")
_TOO_LARGE = "The report reads or gives back more than its limit; ask for a shorter window or fewer rows."
_TOO_MUCH = {158, 307, 396}  # TOO_MANY_ROWS, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES
UNREACHABLE: Final = "The ledger cannot be reached; try again."
"""Detail of the problem of a ledger that does not answer."""

_ENUM_MEMBER = re.compile(r"<[^<>]+: ('[^']*')>")  # Pydantic shows the members of a literal as Python does

_log = logging.getLogger(__name__)


def problem(
    status: HTTPStatus,
    kind: str,
    detail: str,
    *,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """An error answer.

    Args:
        status: HTTP status; it is in the body too.
        kind: Last part of the problem's type, e.g. ``invalid-parameter``.
        detail: What is wrong this time, for people.
        errors: One ``parameter`` and ``detail`` each; the first one's parameter is repeated at the top. None where
            no parameter is to blame.
    """
    return Response(to_json(problem_body(status, kind, detail, request_id(), errors)), status, media_type=MEDIA_TYPE)


def problem_body(
    status: HTTPStatus, kind: str, detail: str, occurrence: str, errors: list[dict[str, str]] | None = None
) -> dict[str, object]:
    """The members of a problem document; arguments as of :func:`problem`, and the id of the request it is about."""
    blamed = {"parameter": errors[0]["parameter"], "errors": errors} if errors else {}
    return {
        "type": _TYPE_PREFIX + kind,
        "title": kind.replace("-", " ").capitalize(),
        "status": status.value,
        "detail": detail,
        "instance": f"urn:spanledger:request:{occurrence}",
        **blamed,
    }


def invalid_parameters(errors: list[dict[str, str]]) -> Response:
    """The answer to a request whose parameters cannot be used."""
    detail = "; ".join(f"{error['parameter']}: {error['detail']}" for error in errors)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-parameter", detail, errors=errors)


def unavailable(detail: str) -> Response:
    """The answer while the ledger cannot answer; it says when to try again."""
    answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, "ledger-unavailable", detail)
    answer.headers["Retry-After"] = _RETRY_AFTER_SECONDS
    return answer


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(InvalidRequestError, _on_invalid_request)
    app.add_exception_handler(PermissionDeniedError, _on_permission_denied)
    app.add_exception_handler(RetryableError, _on_retryable_error)
    app.add_exception_handler(ClickHouseError, _on_engine_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_unexpected_error)


def _on_validation_error(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    return invalid_parameters([_parameter_error(each) for each in error.errors()])


def _parameter_error(error: Mapping[str, Any]) -> dict[str, str]:
    # The location is ("query", name, …); Pydantic's prefix of a ValueError says nothing to a caller.
    name = next((str(part) for part in error["loc"][1:]), "")
    if error["type"] == "extra_forbidden":
        return {"parameter": name, "detail": "not a parameter of this path; /docs lists those there are"}
    if error["type"] == "missing":
        return {"parameter": name, "detail": "is required"}
    detail = str(error["msg"]).removeprefix("Value error, ")
    return {"parameter": name, "detail": _ENUM_MEMBER.sub(r"\1", detail)}


def _on_invalid_request(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, InvalidRequestError)  # noqa: S101 - registered for this class only
    if error.parameter is None:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", error.detail)
    return invalid_parameters([{"parameter": error.parameter, "detail": error.detail}])


def _on_permission_denied(request: Request, error: Exception) -> Response:
    del request
    return problem(HTTPStatus.FORBIDDEN, "permission-denied", str(error))


def _on_retryable_error(request: Request, error: Exception) -> Response:
    _log.warning("%s could not be answered (%s): %s", request.url.path, request_id(), error)
    return unavailable(str(error) if isinstance(error, OverloadedError) else UNREACHABLE)


def _on_engine_error(request: Request, error: Exception) -> Response:
    code = error.code if isinstance(error, DatabaseError) else None
    if code == _TIMEOUT_EXCEEDED:
        return _too_slow(request, error)
    if code in _TOO_MUCH:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "report-too-large", _TOO_LARGE)
    detail = _TRANSIENT_ENGINE_ERRORS.get(code or 0)
    if detail is None and code is None and isinstance(error, OperationalError):
        detail = UNREACHABLE  # no code: it never came from the engine, the connection failed
    if detail is None:
        return _on_unexpected_error(request, error)
    _log.warning("%s could not be answered (%s): %s", request.url.path, request_id(), error)
    return unavailable(detail)


def _too_slow(request: Request, error: Exception) -> Response:
    """The answer to a question that took too long: the same again would only take as long again."""
    slow: SlowQuestions = request.app.state.slow_questions
    slow.note(request, error)
    stated = _MOST_MILLISECONDS.search(str(error))
    seconds = READING_LIMITS["max_execution_time"] if stated is None else f"{float(stated[1]) / 1000:g}"
    answer = problem(HTTPStatus.REQUEST_TIMEOUT, "report-too-slow", TOO_SLOW.format(seconds=seconds))
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _on_http_error(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    status = HTTPStatus(error.status_code)
    answer = problem(status, status.phrase.lower().replace(" ", "-"), error.detail)
    answer.headers.update(error.headers or {})
    return answer


def _on_unexpected_error(request: Request, error: Exception) -> Response:
    _log.error("%s failed (%s)", request.url.path, request_id(), exc_info=error)
    detail = "The request failed inside; the log has the reason under this instance."
    answer = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", detail)
    # It is made outside of everything that completes headers.
    answer.headers.update({**SECURITY_HEADERS, REQUEST_ID: request_id()})
    return answer


_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": [f"{_TYPE_PREFIX}invalid-parameter"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri", "description": "Names this one occurrence."},
        "parameter": {"type": "string", "description": "The first parameter to blame, if any."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["parameter", "detail"],
                "properties": {"parameter": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
PROBLEM_CONTENT = {MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA}}
"""OpenAPI description of the body of a problem."""

PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    408: {
        "description": "It took longer than it may; `Retry-After` says when to ask again.",
        "content": PROBLEM_CONTENT,
    },
    422: {"description": "A parameter cannot be used; `parameter` names it.", "content": PROBLEM_CONTENT},
    503: {"description": "The ledger cannot answer now; `Retry-After` says when.", "content": PROBLEM_CONTENT},
}
"""OpenAPI description of the problems that every report may answer with."""

NOT_FOUND_RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such thing in the ledger.", "content": PROBLEM_CONTENT},
    **PROBLEM_RESPONSES,
}
"""OpenAPI description of the problems of a path that names one thing."""

EXPIRED_RESPONSES: dict[int | str, dict[str, Any]] = {
    410: {"description": "The ledger had it and keeps it no longer.", "content": PROBLEM_CONTENT},
    **NOT_FOUND_RESPONSES,
}
"""OpenAPI description of the problems of a path that names one thing which is kept for some time only."""

FORBIDDEN_RESPONSES: dict[int | str, dict[str, Any]] = {
    403: {"description": "The page of another site asked for it.", "content": PROBLEM_CONTENT},
    **PROBLEM_RESPONSES,
}
"""OpenAPI description of the problems of a path that changes something."""

CONFLICT_RESPONSES: dict[int | str, dict[str, Any]] = {
    409: {"description": "What there is does not allow it.", "content": PROBLEM_CONTENT},
    **PROBLEM_RESPONSES,
}
"""OpenAPI description of the problems of a path that others may have changed something for."""
