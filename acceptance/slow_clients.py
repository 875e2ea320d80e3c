"""Hundreds of slow and silent clients at a time beside good load: what that loses, how each slow one ends, and memory.

Arguments: seconds of each (90), connections of each (300). They come from several addresses of this machine, a hundred
from each at most.
"""

from __future__ import annotations

import asyncio
import select
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from acceptance.live_service import Service, begin_peak, resident_mib, running
from acceptance.overload import network, picture
from acceptance.raw_http import request

RUN = "/v1/models/good/activations?layers=end&format=npy"
LARGE = "/v1/models/large/activations?format=npy&layers=up_sampling2d"
GOOD = request("POST", RUN, picture(), Content_Type="application/x-npy")
HEAD = b"POST /v1/plan HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
PER_ADDRESS = 100
Slow = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def slow_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a header's letter a second."""
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(1)


async def slow_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a byte of a body a second."""
    writer.write(HEAD + b"Content-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(1)


async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Send nothing."""
    await asyncio.sleep(1e6)


async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send one request, and keep the connection."""
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(1e6)


async def slow_reader(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask for 12 MB, and read nothing of it."""
    writer.write(request("POST", LARGE, picture(), Content_Type="application/x-npy"))
    await asyncio.sleep(1e6)


KINDS: dict[str, Slow] = {
    "slow heads": slow_head, "slow bodies": slow_body, "silent": silent, "idle after a request": idle,
    "slow readers": slow_reader,
}  # fmt: skip


async def ending(port: int, address: str, slow: Slow, end: float) -> tuple[str, float]:
    """Return how a connection ends, and after how many seconds."""
    begun = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096, local_addr=(address, 0))
    except OSError:
        return "not connected", 0.0
    acting = asyncio.ensure_future(slow(reader, writer))
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + end - begun):
            return await status(reader, writer, slow), time.perf_counter() - begun
    except TimeoutError:
        return "open", time.perf_counter() - begun
    finally:
        acting.cancel()
        writer.transport.abort()


async def status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slow: Slow) -> str:
    """Wait for the end of a connection; return the status of the response before it, if there is one."""
    if slow in (slow_reader, idle):
        poll = select.poll()
        poll.register(writer.get_extra_info("socket").fileno(), select.POLLRDHUP)
        while not poll.poll(0):  # noqa: ASYNC110 (nothing is read that would tell)
            await asyncio.sleep(0.5)
        return "closed"
    try:
        line = await reader.readline()
    except OSError:
        return "reset"
    return line.split()[1].decode() if line else "closed"


async def good(port: int, end: float) -> list[float]:
    """Return the seconds of good requests on four connections."""
    times: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begun := time.perf_counter()) < end:
            writer.write(GOOD)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"good load is refused: {head[:100]!r}")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(time.perf_counter() - begun)
        writer.close()

    await asyncio.gather(*(one() for _ in range(4)))
    return sorted(times)


async def beside(service: Service, name: str, seconds: float, count: int) -> None:
    """Print a line for the good load beside one kind of clients, and how these end."""
    slow = KINDS.get(name)
    begin_peak(service.process.pid)
    end = time.perf_counter() + seconds
    addresses = [f"127.0.0.{2 + number // PER_ADDRESS}" for number in range(count if slow else 0)]
    endings = asyncio.gather(*(ending(service.port, address, slow or silent, end) for address in addresses))
    times, ended = await asyncio.gather(good(service.port, end), endings)
    p50, p99 = (times[int(len(times) * share)] * 1e3 for share in (0.5, 0.99))
    words, last = Counter(word for word, _ in ended), max((after for _, after in ended), default=0.0)
    told = f"; {dict(words)}, the last after {last:.0f} s" if slow else ""
    print(f"{name}: {len(times) / seconds:.1f} good a second, p50 {p50:.1f} p99 {p99:.1f} ms; front at most "
          f"{resident_mib(service.process.pid, 'VmHWM')} MiB{told}", flush=True)  # fmt: skip


def main() -> None:
    """Print a line for good load alone, and beside each kind."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 90.0
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    with TemporaryDirectory() as folder, running(Path(folder), LOG="off") as service:
        service.client.put("/v1/models/good", json=network(2)).raise_for_status()
        large = {"input": [28, 28, 1], "layers": [{"type": "UpSampling2D", "size": 64}]}
        service.client.put("/v1/models/large", json=large).raise_for_status()
        uvloop.run(beside(service, "warm", 5.0, 0))
        for name in ("alone", *KINDS, "alone again"):
            uvloop.run(beside(service, name, seconds if name in KINDS else min(seconds, 30.0), count))


if __name__ == "__main__":
    main()
