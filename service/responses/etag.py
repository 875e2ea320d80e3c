"""ETags of replies that follow from a registered model and what was sent: known before an engine is asked.

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
"""A cache may keep the reply for its client, and has to ask each time whether it still holds."""


class ETag:
    """The digest of everything that a reply depends on: this version, `parts` (plain JSON) and the arrays.

    It is no cryptographic one: that takes 15 ms for 1920×1080 pixels, and who makes two requests alike fools himself.

    It is weak where the same question may be answered with other bytes: those of a timing, or of a batch.
    """

    def __init__(self, request: Request, parts: Any, arrays: Sequence[Array] = (), weak: bool = False) -> None:
        shapes = [(name_of(array.dtype), array.shape) for array in arrays]
        digest = xxh3_128(orjson.dumps([request.app.version, parts, shapes]))
        for array in arrays:
            digest.update(array.reshape(-1).view("u1").data)
        self._tag = f'"{digest.hexdigest()}"'
        self._header = f"W/{self._tag}" if weak else self._tag
        self._known = request.headers.get("if-none-match")
        self._takes_any = request.method == "GET"  # to a POST, `*` does not say which reply the client has

    def unchanged(self) -> Response | None:
        """The 304, if the client has this reply already; weakly compared."""
        if self._known is None or not (
            (self._takes_any and self._known.strip() == "*") or self._tag in TAG.findall(self._known)
        ):
            return None
        return Response(status_code=304, headers=self.headers())

    def headers(self) -> dict[str, str]:
        """What the reply says of itself."""
        return {"ETag": self._header, **CACHING}

    def on(self, response: Response) -> Response:
        """The reply, which has none of these headers yet, with them."""
        response.raw_headers.extend((name.lower().encode(), value.encode()) for name, value in self.headers().items())
        return response
