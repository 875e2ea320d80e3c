"""Static files of the service's pages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from service.edge.content_coding import encoding_for

GZIP = ("gzip",)


class Files(StaticFiles):
    """Files with the same headers each; where gzip is accepted, `page.js.gz` is sent for the `page.js` beside it. In a
    folder that does not exist there are none: 404.
    """

    def __init__(self, headers: Mapping[str, str], **places: Any) -> None:
        super().__init__(**places, check_dir=False)
        self._headers = {**headers, "Vary": "Accept-Encoding"}

    async def check_config(self) -> None:
        """Accept that there is no folder."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file of a path below the folder, or a 304.

        Raises:
            HTTPException: 404, or 405.
        """
        accepted = ",".join(Headers(scope=scope).getlist("accept-encoding"))
        if accepted and encoding_for(accepted, GZIP):
            with suppress(HTTPException):
                response = await super().get_response(f"{path}.gz", scope)
                response.headers["Content-Encoding"] = "gzip"
                return response
        return await super().get_response(path, scope)

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        """Return the file, or a 304."""
        response = super().file_response(*arguments, **options)
        response.headers.update(self._headers)
        return response
