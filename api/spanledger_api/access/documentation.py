"""What the OpenAPI document says about keys: which paths need one, and how those are answered that may not pass."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from spanledger_api.access.middleware import is_public
from spanledger_api.problem import PROBLEM_CONTENT

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["document_access"]

_SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key (`sl_…`), or a token of the identity provider that is set up.",
}
_ANY: Final = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
}
_REFUSALS: Final = {
    HTTPStatus.UNAUTHORIZED: "The key or token is missing or not valid.",
    HTTPStatus.FORBIDDEN: "The key or token may not do this.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; `Retry-After` says when to ask again.",
    HTTPStatus.SERVICE_UNAVAILABLE: "It cannot be answered now; `Retry-After` says when.",
}


def document_access(app: FastAPI) -> None:
    """Add to the app's document that its paths need a key, and the answers of its door."""
    generate = app.openapi

    def documented() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            document.setdefault("components", {}).setdefault("securitySchemes", {})["bearer"] = dict(_SCHEME)
            for path, methods in document["paths"].items():
                for operation in methods.values():
                    _complete(operation, public=is_public(path))
        return generate()

    # FastAPI's way to extend the document is to put another function in the method's place.
    app.openapi = documented  # type: ignore[method-assign]


def _complete(operation: dict[str, Any], *, public: bool) -> None:
    refusals = {HTTPStatus.TOO_MANY_REQUESTS: _REFUSALS[HTTPStatus.TOO_MANY_REQUESTS]} if public else _REFUSALS
    if "requestBody" in operation:
        refusals = refusals | _ANY
    for status, description in refusals.items():
        answer = {"description": description, "content": PROBLEM_CONTENT}
        operation["responses"].setdefault(str(status.value), answer)
    if not public:
        operation["security"] = [{"bearer": []}]
