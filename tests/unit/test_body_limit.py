"""What bodies hold together, decompression included."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from models.errors import Overloaded
from service.body_limit import BodyLimit, hold
from service.settings import Settings


async def receive() -> dict[str, Any]:
    """A body of a hundred bytes."""
    return {"type": "http.request", "body": b"x" * 100}


async def test_what_is_decompressed_counts_until_the_request_ends() -> None:
    """With the bodies themselves and those of other requests; afterwards nothing is held."""
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        assert len(await request.body()) == 100
        hold(request, 500)
        with pytest.raises(Overloaded):
            hold(request, 401)
        found.append(limit._held)

    limit = BodyLimit(app, Settings(max_bodies="1000B"))
    for _ in range(2):
        await limit({"type": "http", "path": "/v2", "headers": []}, receive, None)  # type: ignore[arg-type]
        assert limit._held == 0
    assert found == [1001, 1001]
