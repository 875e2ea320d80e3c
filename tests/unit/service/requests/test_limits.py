"""Limits of uploads and of decoding: permits, buffers, and memory that is given back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from models.errors import Overloaded
from service.access.clients import CLIENT
from service.requests.decode_memory import DecodeMemory
from service.requests.heap_trimmer import HeapTrimmer, _function
from service.requests.upload_permits import UploadPermits
from service.requests.upload_writing import WRITE_BYTES, RawBody, Writer


async def test_one_client_has_half_of_the_uploads() -> None:
    """Others still have theirs, and a permit is returned at the end of its upload."""
    permits, token = UploadPermits(4), CLIENT.set("a")
    try:
        async with permits.acquire():
            async with permits.acquire():
                with pytest.raises(Overloaded) as refused:
                    await permits.acquire().__aenter__()
                assert refused.value.detail == "2 uploads of weights are on their way from this client already."
                CLIENT.set("b")
                async with permits.acquire(), permits.acquire():
                    CLIENT.set("c")
                    with pytest.raises(Overloaded) as refused:
                        await permits.acquire().__aenter__()
                    assert refused.value.detail == "4 uploads of weights are on their way already."
                CLIENT.set("a")
            async with permits.acquire():
                pass
    finally:
        CLIENT.reset(token)


async def test_large_uploads_are_written_as_they_arrive(tmp_path: Path) -> None:
    """No more than one buffer is in memory."""
    with (tmp_path / "file").open("wb", buffering=0) as file:
        body = RawBody(Writer(file), None)
        await body.write(bytes(WRITE_BYTES - 1))
        assert (tmp_path / "file").stat().st_size == 0
        await body.write(bytes(2))
        assert (tmp_path / "file").stat().st_size == WRITE_BYTES + 1
        await body.write(b"end")
        await body.end()
    assert (tmp_path / "file").stat().st_size == WRITE_BYTES + 4


async def test_memory_granted_to_a_request_that_has_just_gone_is_released() -> None:
    """It was granted and cancelled in the same moment."""
    memory = DecodeMemory(10)
    await memory.acquire(8)
    waiting = asyncio.create_task(memory.acquire(6))
    await asyncio.sleep(0)
    memory.release(8)
    assert memory.free == 4
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert memory.free == 10


async def test_where_the_c_library_cannot_trim_nothing_is_scheduled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only glibc has this function."""
    assert _function("layerscope_has_no_such_function") is None
    monkeypatch.setattr("service.requests.heap_trimmer._function", lambda _: None)
    trimmer = HeapTrimmer()
    trimmer.schedule(1 << 30)
    assert trimmer._timer is None
