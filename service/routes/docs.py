"""`/docs`: the API's pages; files of our own under relative addresses work offline and behind a proxy."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

FILES = StaticFiles(packages=[("fastapi_swagger", "resources")])
"""Swagger UI's files, mounted at `/swagger`."""
PAGE = {"tryItOutEnabled": True, "filter": True, "displayRequestDuration": True, "defaultModelsExpandDepth": 0}


@router.get("/docs")
async def get_docs() -> HTMLResponse:
    """Every operation with its schema, and a form to try it."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Layerscope",
        swagger_js_url="swagger/swagger-ui-bundle.js",
        swagger_css_url="swagger/swagger-ui.css",
        swagger_favicon_url="swagger/favicon-32x32.png",
        swagger_ui_parameters=PAGE,
    )
