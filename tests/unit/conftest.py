"""Fixtures for tests of what takes time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

Passing = Callable[[float], Awaitable[None]]


@pytest.fixture
async def passing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Passing]:
    """`await passing(10)`: ten seconds later by the loop's clock, which stands still otherwise. Deadlines that are
    over by then have struck.
    """
    now = 0.0

    async def passed(seconds: float) -> None:
        nonlocal now
        now += seconds
        for _ in range(3):  # the timers' turn, and that of whom they cancel
            await asyncio.sleep(0)

    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        yield passed
