"""Nothing but sending: the bytes of the right answer, from memory, a part for each layer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from benchmarks.servers.arguments import port, sample

Message = MutableMapping[str, Any]


def application(parts: list[memoryview]) -> Callable[..., Awaitable[None]]:
    """Answers every request with the same parts, once its body has come."""
    length = str(sum(part.nbytes for part in parts)).encode()

    async def app(
        _: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    return app


if __name__ == "__main__":
    app = application([memoryview(value).cast("B") for value in sample().expected.values()])
    uvicorn.run(
        app, port=port(), loop="uvloop", http="httptools", lifespan="off", access_log=False, log_level="warning"
    )
