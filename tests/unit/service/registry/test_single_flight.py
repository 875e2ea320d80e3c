"""Single-flight execution of shared work, with a bounded cache of results."""

from __future__ import annotations

import asyncio

from service.registry.single_flight import SingleFlight


async def test_close_cancels_all_running_tasks() -> None:
    """Also more than the cache holds."""
    tasks: SingleFlight[int, None] = SingleFlight(max_results=1)
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


async def test_the_number_of_cached_results_is_bounded() -> None:
    """The oldest are evicted; with a bound of zero nothing is cached."""
    made: list[int] = []

    async def result(number: int) -> int:
        made.append(number)
        return number

    for kept, expected in ((0, [1, 2, 1]), (9, [1, 2])):
        made.clear()
        tasks: SingleFlight[int, int] = SingleFlight(kept)
        assert [await tasks.get(number, lambda number=number: result(number)) for number in (1, 2, 1)] == [1, 2, 1]
        assert made == expected
