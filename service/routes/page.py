"""The page `/`, which Vite builds of `web/` into `service/web/` (`scripts/web`), and its files under `/assets`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from models.errors import Unacceptable
from service.access.browser_headers import APPLICATION_HEADERS, ASSET_HEADERS
from service.routes.static_files import Files
from service.wire.format import Format
from service.wire.negotiation import negotiate

BUILT = Path(__file__).parents[1] / "web"
INDEX, ASSETS = "index.html", "assets"
TEXT, HTML = Format("text", "text/plain"), Format("html", "text/html")
BY_ACCEPT = {"Vary": "Accept"}
PLACES = """
  /docs            the API, explained, with forms to try it
  /openapi.json    the same for programs
  /v1/models       the registered models
  /v1/activations  POST a picture and a network: every layer's activations
"""
HERE = "browsers get a page at this address."
NOT_BUILT = "the page for browsers is not built here: run scripts/web in the source tree, and load this address again."


def router_of(folder: Path) -> APIRouter:
    """Return the routes of the page in a folder, which may be built while the service runs."""
    router = APIRouter(include_in_schema=False)
    pages, assets = Files(APPLICATION_HEADERS, directory=folder), Files(ASSET_HEADERS, directory=folder / ASSETS)

    @router.get("/")
    async def get_page(request: Request) -> Response:
        """The page for browsers; for others a text that says where things are."""
        is_built = (folder / INDEX).is_file()
        if not (is_built and _prefers_html(request)):
            return PlainTextResponse(_text(is_built), headers=BY_ACCEPT)
        response = await pages.get_response(INDEX, request.scope)
        response.headers.append("Vary", "Accept")
        return response

    @router.get(f"/{ASSETS}/{{path:path}}")
    async def get_asset(request: Request, path: str) -> Response:
        """A file whose name has a digest of its content."""
        return await assets.get_response(path, request.scope)

    return router


def _prefers_html(request: Request) -> bool:
    """Whether HTML is asked for by name: `*/*`, as of curl, is text."""
    accept = ",".join(request.headers.getlist("accept"))
    try:
        return negotiate(accept, None, (TEXT, HTML)) is HTML
    except Unacceptable:
        return False


def _text(is_built: bool) -> str:
    return f"Layerscope {version('layerscope')}: {HERE if is_built else NOT_BUILT}\n{PLACES}"
