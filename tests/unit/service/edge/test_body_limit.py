"""Memory held by request bodies, decompression included, and their timeouts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from starlette.requests import Request

from models.errors import Overloaded, SlowBody
from service.edge.body_limit import BodyLimit, allow_streamed_body, count_decompressed
from service.edge.transfer_rate import MIN_RATE
from service.settings import Settings


async def receive() -> dict[str, Any]:
    """Receive a body of a hundred bytes."""
    return {"type": "http.request", "body": b"x" * 100}


async def test_decompressed_bytes_count_until_the_request_ends() -> None:
    """In addition to bodies and to other requests; afterwards all is released."""
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        assert len(await request.body()) == 100
        count_decompressed(request, 500)
        with pytest.raises(Overloaded):
            count_decompressed(request, 401)
        found.append(limit._held_bodies.nbytes)

    limit = BodyLimit(app, Settings(max_bodies="1000B"))
    for _ in range(2):
        await limit({"type": "http", "path": "/v2", "headers": []}, receive, None)  # type: ignore[arg-type]
        assert limit._held_bodies.nbytes == 0
    assert found == [1001, 1001]


@pytest.mark.parametrize(
    ("on_disk", "size", "pieces", "seconds"),
    [
        (True, 4 * MIN_RATE, 4, 46),  # 30 s plus 4 s per piece; the fifth comes after 50 s
        (True, 1, 3, 30),
        (True, 20 * MIN_RATE, 9, 100),  # fast enough, but over the total limit
        (False, 1, 5, 60),  # bodies in memory have a shorter timeout, and no minimum rate
    ],
)
async def test_slow_bodies_time_out(
    on_disk: bool, size: int, pieces: int, seconds: int, passing: Callable[[float], Any]
) -> None:
    """With a piece every ten seconds; the number of pieces received until the timeout."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        if on_disk:
            allow_streamed_body(request, 1 << 30, 100)
        async for _ in request.stream():
            pass

    async def receive_slowly() -> dict[str, Any]:
        await passing(10)
        return {"type": "http.request", "body": bytes(size), "more_body": True}

    limit = BodyLimit(app, Settings(body_seconds=60))
    reported = f"Of the body, {pieces * size:,} bytes had arrived after {seconds} s."
    with pytest.raises(SlowBody, match=reported):
        await limit({"type": "http", "path": "/v1/x", "headers": []}, receive_slowly, None)  # type: ignore[arg-type]


async def test_a_steady_body_may_take_long(passing: Callable[[float], Any]) -> None:
    """Ten minutes at the minimum rate."""
    piece, numbers = bytes(10 * MIN_RATE), count(1)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        allow_streamed_body(request, 1 << 30, 1000)
        assert sum([len(one) async for one in request.stream()]) == 60 * len(piece)

    async def receive_steadily() -> dict[str, Any]:
        await passing(10)
        return {"type": "http.request", "body": piece, "more_body": next(numbers) < 60}

    scope = {"type": "http", "path": "/v1/x", "headers": []}
    await BodyLimit(app, Settings())(scope, receive_steadily, None)  # type: ignore[arg-type]
