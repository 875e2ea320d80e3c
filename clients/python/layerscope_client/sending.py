"""Sending of calls. It is written once, as coroutines: those of a client that waits never suspend, and are run to their
end without an event loop (`result`). What differs is a wire: how one request is sent and one reply is read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypeVar

from layerscope_client.calls import JSON, Body, Call, JsonLines, Reply, known_error, seconds_before_another
from layerscope_client.failures import LayerscopeError

T = TypeVar("T")


def result(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("it awaits something")


def results(items: AsyncGenerator[T, None]) -> Iterator[T]:
    """Yield what an asynchronous generator yields that never suspends."""
    try:
        while True:
            yield result(items.asend(None))
    except StopAsyncIteration:
        return
    finally:
        result(items.aclose())


class Wire:
    """A client of httpx or httpx2 that waits in this thread, and whether it is closed with the service's."""

    def __init__(self, client: Any, is_own: bool) -> None:
        self.client, self.is_own = client, is_own

    async def send(self, request: Any) -> Any:
        """Return the response, with nothing of its body read."""
        return self.client.send(request, stream=True)

    async def pieces(self, response: Any) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        for piece in response.iter_bytes():
            yield piece

    async def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)  # noqa: ASYNC251 (there is no event loop)

    async def close(self, what: Any) -> None:
        """Close a response or the client."""
        what.close()


class AsyncWire(Wire):
    """A client of httpx or httpx2 that is awaited."""

    async def send(self, request: Any) -> Any:
        """Return the response, with nothing of its body read."""
        return await self.client.send(request, stream=True)

    async def pieces(self, response: Any) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        async for piece in response.aiter_bytes():
            yield piece

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def close(self, what: Any) -> None:
        """Close a response or the client."""
        await what.aclose()


class Sender:
    """The address of a service and the key, for calls over a wire."""

    def __init__(self, wire: Wire, url: str, key: str | None, timeout: float) -> None:
        self.wire, self.url, self._timeout = wire, url.rstrip("/"), timeout
        self._headers = {"User-Agent": f"layerscope-client/{version('layerscope-client')}"}
        self._headers |= {"X-API-Key": key} if key else {}

    async def ask(self, call: Call) -> Reply:
        """Return the reply to a call. What the service was too busy for, and what lost its connection, is tried again.

        Raises:
            Refused: the service says no. ConnectionLost, TimedOut, OverBudget: there is no reply, or not all of it.
        """
        return await self._persist(self._whole, call)

    async def lines(self, call: Call) -> AsyncGenerator[Any, None]:
        """Yield the values of JSON lines as they come. Raises as `ask`; what has begun is not tried again."""
        response, lines = await self._persist(self._begun, call), JsonLines()
        try:
            with translated():
                async for piece in self.wire.pieces(response):
                    for line in lines.feed(piece):
                        yield line
        finally:
            await self.wire.close(response)

    async def _persist(self, attempt: Callable[[Call], Awaitable[T]], call: Call) -> T:
        for pause in call.pauses():
            try:
                return await attempt(call)
            except LayerscopeError as error:
                if (seconds := seconds_before_another(error, pause)) is None:
                    raise
            await self.wire.pause(seconds)
        return await attempt(call)

    async def _begun(self, call: Call) -> Any:
        """Return a response that is no error, with nothing of its body read."""
        with translated():
            response = await self.wire.send(self._request(call))
            if response.status_code >= 300:
                await self._read(response, call)
        return response

    async def _whole(self, call: Call) -> Reply:
        with translated():
            return await self._read(await self.wire.send(self._request(call)), call)

    async def _read(self, response: Any, call: Call) -> Reply:
        try:
            body = Body(response.headers, call.max_bytes)
            async for piece in self.wire.pieces(response):
                body.add(piece)
        finally:
            await self.wire.close(response)
        return Reply(response.status_code, response.headers, body.whole()).accepted()

    def _request(self, call: Call) -> Any:
        headers, params = {"Accept": call.accept, **self._headers}, dict(call.params) or None
        body: dict[str, Any] = {"files": call.parts} if call.parts else {}
        if call.json is not None:
            body, headers["Content-Type"] = {"content": call.json.encode()}, JSON
        build, url = self.wire.client.build_request, self.url + call.path
        return build(call.method, url, params=params, headers=headers, timeout=self._timeout, **body)


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the HTTP library raises as errors of this package."""
    try:
        yield
    except Exception as error:
        if (known := known_error(error)) is None:
            raise
        raise known from error
