"""HTTP/1.1 over plain streams, for scripts that need the outcome of every single request."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

LOST, REFUSED, OTHER = "lost", "refused", "another shape"
PROBLEM = "application/problem+json"


@dataclass
class Answered:
    """One reply: `lost` when the connection ended under the request, `refused` when there was none."""

    status: int | str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def word(self) -> str:
        """The outcome in a count: 200, 503 draining, lost, refused, or another shape."""
        if isinstance(self.status, str) or self.status < 400:
            return str(self.status)
        if self.headers.get("content-type") != PROBLEM:
            return f"{OTHER}: {self.status} {self.body[:60]!r}"
        return f"{self.status} {json.loads(self.body)['code']}"


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def run_of(model: Any, inputs: Any, **options: Any) -> bytes:
    """Return a `POST /v1/activations` with JSON."""
    body = json.dumps({"model": model, "inputs": inputs, **options}).encode()
    return request("POST", "/v1/activations", body, Content_Type="application/json")


async def answer(reader: asyncio.StreamReader, rate: float = float("inf")) -> Answered:
    """Return the next reply on a connection, its body read at so many bytes a second."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = bytearray()
        if headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        while len(body) < int(headers.get("content-length", 0)):
            piece = await reader.readexactly(min(1 << 16, int(headers["content-length"]) - len(body)))
            body += piece
            await asyncio.sleep(len(piece) / rate)
        return Answered(int(head[0].split()[1]), headers, bytes(body))
    except (asyncio.IncompleteReadError, OSError, ValueError):
        return Answered(LOST)


async def once(port: int, sent: bytes, rate: float = float("inf")) -> Answered:
    """Send a request on a connection of its own."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return Answered(REFUSED)
    try:
        writer.write(sent)
        return await answer(reader, rate)
    finally:
        writer.close()


async def fresh(port: int, sent: bytes, counts: Counter[str]) -> None:
    """Send each request on a new connection, until none can be opened."""
    while (reply := await once(port, sent)).status != REFUSED:
        counts[reply.word] += 1


async def kept(port: int, sent: bytes, counts: Counter[str]) -> None:
    """Send many requests on one connection. Closed before a request, or after a reply that said so, it loses none."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        while not reader.at_eof():
            writer.write(sent)
            reply = await answer(reader)
            counts[reply.word] += 1
            if reply.status == LOST or reply.headers.get("connection") == "close":
                break
            await asyncio.sleep(0.002)
        writer.close()
