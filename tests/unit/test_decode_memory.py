"""One budget for what bodies become: taken before anything is decoded, waited for, and always given back."""

from __future__ import annotations

import asyncio

import pytest

from models.errors import Overloaded, TooLarge
from service.requests.decode_memory import FREE, DecodeMemory, MemoryShare

MIB = 1 << 20


def claims(share: MemoryShare, *sizes: int) -> list[int]:
    """Claims one after the other, as a decoder does; what was decoded."""
    done = []
    for size in sizes:
        share.claim(size, size, "bytes of a test")
        done.append(size)
    return done


async def test_what_is_claimed_is_taken_and_given_back() -> None:
    """However the block ends; little is not counted, and who needs more than he holds begins again."""
    memory = DecodeMemory(100 * MIB)
    with memory.share() as share:
        assert await share.run(claims, share, FREE, on_thread=False) == [FREE]
        assert memory.free == 100 * MIB
        assert await share.run(claims, share, 10 * MIB, 20 * MIB) == [10 * MIB, 20 * MIB]
        assert memory.free <= 100 * MIB - 31 * MIB
        assert share.claimed == 31 * MIB
    assert memory.free == 100 * MIB
    with pytest.raises(TooLarge), memory.share() as share:
        await share.run(claims, share, 50 * MIB, 60 * MIB)
    assert memory.free == 100 * MIB


async def test_what_never_fits_is_refused_with_what_would() -> None:
    """A 413 at once, whoever else decodes."""
    with DecodeMemory(100 * MIB).share() as share, pytest.raises(TooLarge) as refused:
        await share.run(lambda: share.claim(400 * MIB, 1000, "pixels", "/image"))
    (problem,) = refused.value.problems
    assert problem.pointer == "/image"
    assert problem.expected is not None
    assert problem.expected.startswith("at most 250 pixels")


async def test_who_finds_no_room_waits_in_line_and_not_for_long() -> None:
    """First come, first served; after some seconds a 503 that says when to try again; nothing is lost by it."""
    memory, order = DecodeMemory(10 * MIB, seconds=0.2), []

    async def decode(name: str, size: int, seconds: float) -> None:
        with memory.share() as share:
            await share.run(claims, share, size)
            order.append(name)
            await asyncio.sleep(seconds)

    first = asyncio.create_task(decode("first", 8 * MIB, 0.05))
    await asyncio.sleep(0.02)
    others = [asyncio.create_task(decode(name, 6 * MIB, 0)) for name in ("second", "third")]
    await asyncio.gather(first, *others)
    assert order == ["first", "second", "third"]
    with memory.share() as share:
        await share.run(claims, share, 8 * MIB)
        with pytest.raises(Overloaded) as refused:
            await decode("late", 6 * MIB, 0)
        assert refused.value.seconds >= 0.2
        waiting = asyncio.create_task(decode("cancelled", 6 * MIB, 0))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert memory.free == 10 * MIB
