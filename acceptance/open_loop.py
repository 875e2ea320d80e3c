"""Load that does not wait: requests at planned times, whatever became of those before.

Source: Schroeder, Wierman and Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import httptools

MAX_CONNECTIONS = 90
"""Of one client; what finds none waits for one, which counts as time of its request."""


@dataclass
class Seen:
    """The replies to one client: seconds by status, from when each request was planned."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    lost: int = 0

    def add(self, status: int, seconds: float) -> None:
        """Add one reply."""
        self.seconds.setdefault(status, []).append(seconds)

    def counts(self) -> Counter[int]:
        """Return the replies by status."""
        return Counter({status: len(times) for status, times in self.seconds.items()})

    def percentile(self, status: int, share: float) -> float:
        """Return the seconds that this share of the replies of a status took at most; 0 where there is none."""
        times = sorted(self.seconds.get(status, []))
        return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


class Connection(asyncio.Protocol):
    """A persistent connection with at most one request on it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._begun: float | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._client.free(self)

    def send(self, request: bytes, planned: float) -> None:
        """Send one request."""
        self._begun = planned
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Record a reply."""
        assert self._begun is not None  # noqa: S101 (nothing comes unasked)
        self._client.seen.add(self._parser.get_status_code(), time.perf_counter() - self._begun)
        self._begun = None
        if self._parser.should_keep_alive():
            self._client.free(self)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        self._client.seen.lost += self._begun is not None
        self._client.gone(self)


class Client:
    """One address that sends the same request again and again."""

    def __init__(self, port: int, address: str, request: bytes) -> None:
        self._port, self._address, self._request = port, address, request
        self.seen = Seen()
        self._idle: list[Connection] = []
        self._waiting: list[float] = []
        self._open = 0

    async def run(self, rate: float, seconds: float, seed: int = 0) -> Seen:
        """Send at random times, so many a second on average; returns when all are answered or lost."""
        begin = time.perf_counter()
        for at in _times(rate, seconds, Random(seed)):
            if (ahead := begin + at - time.perf_counter()) > 0.0005:
                await asyncio.sleep(ahead)
            self._send(begin + at)
        for _ in range(600):
            if not self._waiting and len(self._idle) == self._open:
                break
            await asyncio.sleep(0.1)
        return self.seen

    def _send(self, planned: float) -> None:
        if self._idle:
            self._idle.pop().send(self._request, planned)
            return
        self._waiting.append(planned)
        if self._open < MAX_CONNECTIONS:
            self._open += 1
            asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: Connection(self), "127.0.0.1", self._port, local_addr=(self._address, 0)
            )
        except OSError:
            self._open -= 1
            self.seen.lost += 1

    def free(self, connection: Connection) -> None:
        """Give a connection the request that has waited longest, if there is one."""
        if self._waiting:
            connection.send(self._request, self._waiting.pop(0))
        else:
            self._idle.append(connection)

    def gone(self, connection: Connection) -> None:
        """Remove a closed connection."""
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if self._waiting and self._open < MAX_CONNECTIONS:
            self._open += 1
            asyncio.get_running_loop().create_task(self._connect())


def _times(rate: float, seconds: float, random: Random) -> Iterator[float]:
    """Yield seconds from the beginning of requests that come independently of each other."""
    at = 0.0
    while (at := at + random.expovariate(rate)) < seconds:
        yield at


def request_of(path: str, body: bytes, media_type: str, method: str = "POST", key: str = "") -> bytes:
    """Return the bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/octet-stream, */*\r\n"
    head += f"X-API-Key: {key}\r\n" if key else ""
    return f"{head}Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
