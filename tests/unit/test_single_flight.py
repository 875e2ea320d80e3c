"""Work that several wait for: once at a time, and none is lost from sight while it runs."""

from __future__ import annotations

import asyncio

from service.registry.single_flight import SingleFlight


async def test_close_ends_all_that_run_however_many() -> None:
    """More than are remembered."""
    tasks: SingleFlight[int, None] = SingleFlight(kept=1)
    ended: list[int] = []
    all_run = asyncio.Barrier(5)

    async def endless(number: int) -> None:
        try:
            await all_run.wait()
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    asking = [asyncio.create_task(tasks.get(number, lambda number=number: endless(number))) for number in range(4)]
    await all_run.wait()
    await tasks.close()
    assert sorted(ended) == [0, 1, 2, 3]
    await asyncio.gather(*asking, return_exceptions=True)


async def test_only_so_many_results_are_remembered() -> None:
    """The oldest are made again; with none remembered, each is."""
    made: list[int] = []

    async def result(number: int) -> int:
        made.append(number)
        return number

    for kept, expected in ((0, [1, 2, 1]), (9, [1, 2])):
        made.clear()
        tasks: SingleFlight[int, int] = SingleFlight(kept)
        assert [await tasks.get(number, lambda number=number: result(number)) for number in (1, 2, 1)] == [1, 2, 1]
        assert made == expected
