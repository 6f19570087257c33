"""What the OpenAPI document shows as the problem of each status."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from spanledger_api.problem import TOO_SLOW, UNREACHABLE, problem_body

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["problem_example"]

_OCCURRENCE: Final = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
_KINDS: Final[Mapping[HTTPStatus, tuple[str, str]]] = {
    HTTPStatus.BAD_REQUEST: ("bad-request", "There was an error parsing the body"),
    HTTPStatus.UNAUTHORIZED: ("not-authenticated", "A key is needed: Authorization: Bearer <key>."),
    HTTPStatus.FORBIDDEN: ("permission-denied", "This takes the role admin; yours is read."),
    HTTPStatus.NOT_FOUND: ("not-found", "There is nothing of this id."),
    HTTPStatus.REQUEST_TIMEOUT: ("report-too-slow", TOO_SLOW.format(seconds=30)),
    HTTPStatus.CONFLICT: ("conflict", "It is set up in the operator's file or variables; change it there."),
    HTTPStatus.GONE: ("expired-spans", "The execution's spans are kept no longer; its records are."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body-too-large", "The body is longer than 1048576 bytes."),
    HTTPStatus.TOO_MANY_REQUESTS: ("too-many-requests", "More than 1200 requests a minute; wait 3 s."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("ledger-unavailable", UNREACHABLE),
}
_WRONG: Final = {
    "from": "must be earlier than 'to'; the window is half-open",
}
_UNKNOWN: Final = "stands 2 times in the query; state it once"


def problem_example(status: HTTPStatus, parameter: str) -> dict[str, object]:
    """The problem that a status may stand for.

    Args:
        status: The status.
        parameter: The parameter that is to blame where one is.
    """
    if status is HTTPStatus.UNPROCESSABLE_ENTITY:
        error = {"parameter": parameter, "detail": _WRONG.get(parameter, _UNKNOWN)}
        detail = f"{error['parameter']}: {error['detail']}"
        return problem_body(status, "invalid-parameter", detail, _OCCURRENCE, [error])
    return problem_body(status, *_KINDS[status], _OCCURRENCE)
