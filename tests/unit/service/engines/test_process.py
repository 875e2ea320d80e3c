"""Engine processes from the front's side, at their start and where memory is short."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import Any

import numpy as np
import pytest

from service.engines.process import EngineProcess
from service.settings import Settings
from tests.unit.serving import stub_engines, wait_until


async def test_an_engine_that_cannot_be_connected_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner hears of it like of any other end, and nothing stays open."""

    async def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOBUFS, "no buffer space available")

    process, ends = EngineProcess(Settings(), program="tests.stub_engine"), list[str]()
    process.on_exit = lambda: ends.append(process.ending())
    assert process.resident_bytes() == 0, "it is not started"
    before = set(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", refuse)
    process.start()
    pid = process.state().pid
    assert pid is not None
    await wait_until(lambda: bool(ends))
    assert "9" in ends[0]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert set(os.listdir("/proc/self/fd")) == before


async def test_arrays_without_room_leave_the_memory_as_it_was() -> None:
    """The part that had room is free again, for smaller requests behind."""
    large, larger = np.zeros(150_000, np.uint8), np.zeros(160_000, np.uint8)
    async with stub_engines(max_input_bytes="100KB") as engines:
        process = engines.slots[0].process
        assert process is not None
        assert process.payloads([large, larger]) is None
        payloads = process.payloads([larger])
        assert payloads is not None
        assert payloads[0].span is not None
