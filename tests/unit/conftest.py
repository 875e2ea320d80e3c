"""Fixtures for tests that depend on time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

Passing = Callable[[float], Awaitable[None]]


@pytest.fixture
async def passing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Passing]:
    """`await passing(10)`: advance the loop's otherwise frozen clock by ten seconds and run the expired timers."""
    now = 0.0

    async def passed(seconds: float) -> None:
        nonlocal now
        now += seconds
        for _ in range(3):  # the timers run, then the tasks they cancel
            await asyncio.sleep(0)

    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        yield passed
