"""Bodies of requests are whole, however they arrive."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from fastapi import Request

from service.requests import body as bodies
from service.requests.body import read_body


@pytest.mark.parametrize("size", [0, 10, 300_000])
async def test_a_large_body_is_joined_on_a_thread(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Its chunks in their order; a small one at once."""
    monkeypatch.setattr(bodies, "JOIN_BYTES", 1000)
    threads: list[str] = []
    pool = bodies.run_in_threadpool

    async def watched(function: Any, *arguments: Any) -> Any:
        threads.append(threading.current_thread().name)
        return await pool(function, *arguments)

    monkeypatch.setattr(bodies, "run_in_threadpool", watched)
    sent = bytes(range(256)) * (size // 256 + 1)
    chunks = asyncio.Queue[bytes]()
    for start in range(0, size, 65_536):
        chunks.put_nowait(sent[start : min(size, start + 65_536)])

    async def receive() -> dict[str, Any]:
        chunk = b"" if chunks.empty() else chunks.get_nowait()
        return {"type": "http.request", "body": chunk, "more_body": not chunks.empty()}

    assert await read_body(Request({"type": "http", "headers": []}, receive)) == sent[:size]
    assert len(threads) == (size > 1000)
