"""ETags of replies determined by a registered model and the request: computed without an engine.

Source: RFC 9110 sections 8.8.3 (ETag) and 13.1.2 (If-None-Match).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response
from xxhash import xxh3_128

from models.tensors.dtypes import Array, name_of

TAG = re.compile(r'(?:W/)?("[^"]*")')
CACHING = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding"}
"""A private cache may store the reply, and must revalidate it before each use."""


class ETag:
    """ETag of a reply: a digest of all that it depends on, the version, `parts` (plain JSON) and the arrays.

    The digest is not cryptographic: that takes 15 ms for 1920×1080 pixels, and a client's collision harms only itself.

    The tag is weak if equal requests may get different bytes: those of a timing, or of a batch.
    """

    def __init__(self, request: Request, parts: Any, arrays: Sequence[Array] = (), weak: bool = False) -> None:
        shapes = [(name_of(array.dtype), array.shape) for array in arrays]
        digest = xxh3_128(orjson.dumps([request.app.version, parts, shapes]))
        for array in arrays:
            digest.update(array.reshape(-1).view("u1").data)
        self._tag = f'"{digest.hexdigest()}"'
        self._header = f"W/{self._tag}" if weak else self._tag
        self._if_none_match = request.headers.get("if-none-match")
        self._accepts_any = request.method == "GET"  # for a POST, `*` does not identify a reply

    def unchanged(self) -> Response | None:
        """Return the 304 if If-None-Match has this tag, by weak comparison; else None."""
        if self._if_none_match is None or not (
            (self._accepts_any and self._if_none_match.strip() == "*") or self._tag in TAG.findall(self._if_none_match)
        ):
            return None
        return Response(status_code=304, headers=self.headers())

    def headers(self) -> dict[str, str]:
        """Return the headers ETag, Cache-Control and Vary."""
        return {"ETag": self._header, **CACHING}

    def on(self, response: Response) -> Response:
        """Add these headers to a reply that has none of them yet."""
        response.raw_headers.extend((name.lower().encode(), value.encode()) for name, value in self.headers().items())
        return response
