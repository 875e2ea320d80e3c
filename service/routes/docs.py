"""API documentation page `/docs`; its assets are local, under relative URLs, to work offline and behind a proxy."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse

from service.access.browser_headers import FILE_HEADERS, page_headers
from service.routes.static_files import Files

router = APIRouter(include_in_schema=False)

SETTINGS = {
    "tryItOutEnabled": True, "filter": True, "displayRequestDuration": True, "defaultModelsExpandDepth": 0,
    "validatorUrl": None,
}  # fmt: skip
"""Swagger UI settings. Without the last one it would send the document to an external validator."""


FILES = Files(FILE_HEADERS, packages=[("fastapi_swagger", "resources")])
"""Swagger UI's files, mounted at `/swagger`."""
HTML = bytes(
    get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Layerscope",
        swagger_js_url="swagger/swagger-ui-bundle.js",
        swagger_css_url="swagger/swagger-ui.css",
        swagger_favicon_url="swagger/favicon-32x32.png",
        swagger_ui_parameters=SETTINGS,
    ).body
).decode()
HEADERS = page_headers(HTML)


@router.get("/docs")
async def get_docs() -> HTMLResponse:
    """Every operation with its schema, and a form to try it."""
    return HTMLResponse(HTML, headers=HEADERS)
