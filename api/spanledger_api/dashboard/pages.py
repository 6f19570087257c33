"""The addresses of the dashboard: every page is one shell, which shows what its own address says."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from spanledger_api.dashboard.assets import SHELL, load_assets
from spanledger_api.problem import problem

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

    from spanledger_api.dashboard.assets import Asset

__all__ = ["ASSETS_PATH", "CONTENT_SECURITY_POLICY", "PAGES", "install_dashboard", "is_page"]

ASSETS_PATH: Final = "/assets/"
"""Where the files lie that the pages load; like the pages themselves they say nothing of the ledger."""

PAGES: Final = (
    "/",
    "/users",
    "/users/{name:path}",
    "/services",
    "/services/{name:path}",
    "/prompts",
    "/prompts/{name:path}",
    "/tasks",
    "/tasks/{name:path}",
    "/executions",
    "/executions/{name:path}",
    "/recommendations",
    "/alerts",
    "/budgets",
    "/prices",
    "/data-health",
    "/settings",
)
"""Paths that answer with a page; a name may hold slashes."""

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing from elsewhere, nothing inline: what the ledger holds cannot become a script."""

_LISTS = frozenset(path for path in PAGES if "{" not in path)
_THINGS = tuple(path.partition("{")[0] for path in PAGES if "{" in path)
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_FIRST_SCREEN = re.compile(r"(?:(?:parts|panels)/)?[^/]+\.js|pages/overview\.js|vendor/preact-htm\.module\.js")


def install_dashboard(app: FastAPI) -> None:
    """Serve the pages and their files; they are no part of the OpenAPI document."""
    for path in PAGES:
        app.add_route(path, _page, methods=["GET"], include_in_schema=False)
    app.add_route(f"{ASSETS_PATH}{{version}}/{{name:path}}", _asset, methods=["GET"], include_in_schema=False)


def is_page(path: str) -> bool:
    """Whether a path answers with a page, which holds no data of the ledger."""
    return path in _LISTS or path.startswith(_THINGS)


async def _page(request: Request) -> Response:
    assets = load_assets()
    base = f"{ASSETS_PATH}{assets.version}"
    preloads = "\n    ".join(
        f'<link rel="modulepreload" href="{base}/{name}">' for name in assets.files if _FIRST_SCREEN.fullmatch(name)
    )
    text = assets.files[SHELL].content.decode().replace("{{assets}}", base).replace("{{preloads}}", preloads)
    tag = f'"{assets.version}"'
    headers = {"ETag": tag, "Cache-Control": _ASK_AGAIN, "Content-Security-Policy": CONTENT_SECURITY_POLICY}
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


async def _asset(request: Request) -> Response:
    assets = load_assets()
    name, version = request.path_params["name"], request.path_params["version"]
    asset = assets.files.get(name) if version == assets.version else None
    if asset is None:
        return problem(HTTPStatus.NOT_FOUND, "not-found", "There is no such file of this version; load the page anew.")
    return _file(request, asset)


def _file(request: Request, asset: Asset) -> Response:
    headers = {"Cache-Control": _FOR_GOOD, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.compressed, media_type=asset.media_type, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
