"""Shared memory budget of decoders: claimed before decoding, waited for, and always released."""

from __future__ import annotations

import asyncio

import pytest

from models.errors import Overloaded, TooLarge
from service.requests.decode_memory import FREE, DecodeMemory, MemoryShare
from tests.unit.serving import wait_until

MIB = 1 << 20


def make_claims(share: MemoryShare, *sizes: int) -> list[int]:
    """Make successive claims, as a decoder does; return the claimed sizes."""
    done = []
    for size in sizes:
        share.claim(size, size, "bytes of a test")
        done.append(size)
    return done


async def test_claims_are_released_with_the_share() -> None:
    """However the block ends; small claims are free, and a share that must grow restarts its decoder."""
    memory = DecodeMemory(100 * MIB)
    with memory.share() as share:
        assert await share.run(make_claims, share, FREE, on_thread=False) == [FREE]
        assert memory.free == 100 * MIB
        assert await share.run(make_claims, share, 10 * MIB, 20 * MIB) == [10 * MIB, 20 * MIB]
        assert memory.free <= 100 * MIB - 31 * MIB
        assert share.claimed == 31 * MIB
    assert memory.free == 100 * MIB
    with pytest.raises(TooLarge), memory.share() as share:
        await share.run(make_claims, share, 50 * MIB, 60 * MIB)
    assert memory.free == 100 * MIB


async def test_claims_over_the_budget_are_rejected() -> None:
    """With a 413 and the size that would fit, whatever others have claimed."""
    with DecodeMemory(100 * MIB).share() as share, pytest.raises(TooLarge) as refused:
        await share.run(lambda: share.claim(400 * MIB, 1000, "pixels", "/image"))
    (problem,) = refused.value.problems
    assert problem.pointer == "/image"
    assert problem.expected is not None
    assert problem.expected.startswith("at most 250 pixels")


async def test_claims_wait_in_order() -> None:
    """First in, first out, and nothing leaks."""
    memory, order = DecodeMemory(10 * MIB, seconds=60), []

    async def decode(name: str) -> None:
        with memory.share() as share:
            await share.run(make_claims, share, 6 * MIB)
            order.append(name)

    with memory.share() as first:
        await first.run(make_claims, first, 8 * MIB)
        others = []
        for name in ("second", "third"):
            others.append(asyncio.create_task(decode(name)))
            await wait_until(lambda: len(memory._waiters) == len(others))
    await asyncio.gather(*others)
    assert order == ["second", "third"]
    assert memory.free == 10 * MIB


async def test_claims_time_out() -> None:
    """With a 503 and Retry-After; those of a cancelled request leave at once, and nothing leaks."""
    memory = DecodeMemory(10 * MIB, seconds=0.2)

    async def decode() -> None:
        with memory.share() as share:
            await share.run(make_claims, share, 6 * MIB)

    with memory.share() as share:
        await share.run(make_claims, share, 8 * MIB)
        with pytest.raises(Overloaded) as refused:
            await decode()
        assert refused.value.seconds >= 0.2
        waiting = asyncio.create_task(decode())
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert memory.free == 10 * MIB
