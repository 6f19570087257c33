"""The page at /docs, which needs nothing from any other host: the viewer's files come from an installed package."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi.openapi.docs import get_swagger_ui_html
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.responses import HTMLResponse

_ASSETS = "/docs/assets"
# The viewer's page starts it by a script in the page itself, and styles it as it goes.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def install_documentation(app: FastAPI) -> None:
    """Serve the viewer of the app's OpenAPI document at ``/docs``; it is no part of that document itself."""
    static = files("fastapi_offline").joinpath("static")
    app.mount(_ASSETS, StaticFiles(directory=str(static)), name="documentation")

    @app.get("/docs", include_in_schema=False)
    def documentation() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=f"{app.title} API",
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon.png",
        )
        page.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
        return page
