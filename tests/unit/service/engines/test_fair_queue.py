"""Fair queueing of jobs for an engine, and admission control."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from models.errors import ClientDisconnected, Overloaded
from models.ipc.messages import Plan, Planned
from service.access.arrivals import FLOODING_SECONDS, Arrivals
from service.access.clients import identity
from service.engines.admission import Admission
from service.engines.costs import CostEstimates
from service.engines.engine_request import EngineRequest
from service.engines.fair_queue import MAX_ACCOUNTS, FairQueue
from service.engines.job import Job
from service.engines.lanes import EngineLane
from service.engines.pending_result import PendingResult
from service.engines.slot import EngineSlot
from service.observing.engine_trace import EngineTrace
from service.settings import Settings


def job(client: str, seconds: float = 1.0, nbytes: int = 0) -> Job:
    """Build a client's job with an estimated time."""
    request = EngineRequest(
        "key",
        lambda number, _: Plan(number, b"{}", {}, ()),
        Planned,
        (np.zeros(nbytes, np.uint8),),
        trace=EngineTrace(client),
    )
    return Job(request, PendingResult(request.reply), seconds=seconds)


class Ready:
    """An engine that is ready, with replies that clients have not read yet."""

    ready = True

    def __init__(self, **held: int) -> None:
        self.held = held


def append_all(queue: FairQueue[Job], jobs: Iterable[Job]) -> None:
    """Append jobs one after the other."""
    for one in jobs:
        queue.append(one)


def standing_queue(
    costs: CostEstimates, *jobs: Job, mean: float = 1.0, **settings: float
) -> tuple[Admission, EngineSlot]:
    """Build an engine with a queue that has persisted for long, of jobs that take so many seconds on average."""
    costs.learn("other", "other", mean)
    slot = EngineSlot(0, process=Ready(), runs=EngineLane(8))  # type: ignore[arg-type]
    append_all(slot.runs.queue, jobs)
    for usage in (slot.runs.queue.total, *slot.runs.queue.usage.values()):
        usage.since = -1e9
    return Admission(Settings(**settings), [slot], costs), slot  # type: ignore[arg-type]


def busy_queue(costs: CostEstimates, *jobs: Job, **settings: float) -> tuple[Admission, EngineSlot]:
    """Build one with jobs of a second, in which one has just been refused."""
    admission, slot = standing_queue(costs, *jobs, **settings)
    slot.runs.queue.last_refusal = asyncio.get_running_loop().time()
    return admission, slot


def end_flood(queue: FairQueue[Job]) -> None:
    """Let the last refusal of each client be longer ago than it counts."""
    queue.last_refusal -= FLOODING_SECONDS + 0.1
    for client in queue._refusals:
        queue._refusals[client] -= FLOODING_SECONDS + 0.1


async def test_clients_take_turns() -> None:
    """By the time of their jobs: a new client's small job follows one job of a busy client, not all of them."""
    line, many, few = FairQueue(), [job("many") for _ in range(5)], [job("few", 0.25) for _ in range(5)]
    append_all(line, many)
    line.take(many[0])
    append_all(line, few)
    order = []
    while len(line):
        order.append(next(iter(line)))
        line.take(order[-1])
    assert [one.client for one in order] == ["few"] * 4 + ["many", "few", "many", "many", "many"]


async def test_a_client_is_charged_the_actual_time() -> None:
    """A low estimate is of no advantage."""
    line, first, second, other = FairQueue(), job("a", 0.1), job("a", 0.1), job("b", 1.0)
    line.append(first)
    line.take(first)
    line.correct(first, 10.0)
    append_all(line, [second, other])
    assert list(line) == [other, second]


async def test_abandoned_jobs_leave_the_queue() -> None:
    """Retried jobs go to its front."""
    line, jobs = FairQueue(), [job("a", 2.0, 10), job("b", 3.0, 20), job("a", 4.0, 30)]
    append_all(line, jobs)
    jobs[0].on_disconnect()
    assert isinstance(jobs[0].result.header.exception(), ClientDisconnected)
    assert (list(line), line.total.seconds, line.total.nbytes, set(line.usage)) == (
        [jobs[1], jobs[2]], 7.0, 50, {"a", "b"}
    )  # fmt: skip
    line.take(jobs[1])
    line.appendleft(jobs[1])
    assert list(line) == [jobs[1], jobs[2]]
    for one in jobs[1:]:
        one.on_disconnect()
    assert (line.total.count, line.usage) == (0, {})


def test_estimates_fall_back_from_kind_to_client_to_mean() -> None:
    """An unseen kind costs what its client's jobs cost, so that new models do not evade the price."""
    prices = CostEstimates()
    assert prices.estimate("x", "a") == 0.0
    prices.learn("slow", "a", 8.0)
    prices.learn("fast", "b", 1.0)
    assert [prices.estimate(*one) for one in (("slow", "b"), ("new", "a"), ("new", "b"))] == [8.0, 8.0, 1.0]
    assert prices.estimate("new", "c") == prices.mean == pytest.approx(7.65)
    prices.learn("slow", "a", 4.0)
    assert prices.estimate("slow", "c") == 6.0


async def test_the_queue_is_bounded_by_waiting_time() -> None:
    """25 runs; while others are refused four, or two of the longest. Clients that are not refused share 25."""
    admission, slot = busy_queue(CostEstimates(), *[job("a") for _ in range(3)])
    admission.check(slot, job("a"))
    slot.runs.queue.append(job("a"))
    admission.check(slot, job("b", 12.5))
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 12.6))
    slot.runs.queue._refusals.clear()
    with pytest.raises(Overloaded) as refused:
        admission.check(slot, job("a"))
    assert refused.value.seconds == 4.0
    assert admission.refusal("a") is not None
    admission.check(slot, job("b", 25.0))
    slot.runs.queue.append(job("c"))
    admission.check(slot, job("b", 12.5))
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 12.6))
    slot.runs.queue.refuse("b")
    admission.check(slot, job("b", 4 / 3))
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 1.4))
    end_flood(slot.runs.queue)
    admission.check(slot, job("a"))
    assert admission.refusal("a") is None


async def test_clients_that_wait_for_their_responses_are_always_admitted() -> None:
    """Sixteen connections keep fifteen runs in the queue for as long as they like."""
    admission, slot = standing_queue(CostEstimates(), *[job("a") for _ in range(15)])
    admission.check(slot, job("a"))
    assert admission.refusal("a") is None


async def test_a_standing_queue_of_short_runs_has_half_the_seconds() -> None:
    """A burst has all of them."""
    jobs = [job("a", 0.01) for _ in range(30)]
    admission, slot = standing_queue(CostEstimates(), *jobs, mean=0.001, queue_seconds=0.5)
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.01))
    slot.runs.queue.total.since = asyncio.get_running_loop().time()
    slot.runs.queue.last_refusal -= 1.0
    admission.check(slot, job("a", 0.01))


async def test_requests_on_arrival_are_counted() -> None:
    """As runs of average length: of a hundred simultaneous heads only as many as fit are admitted."""
    admission, slot = busy_queue(CostEstimates())
    slot.runs.queue.last_refusal -= 1.0
    arrivals = [admission.arrivals.expect("a") for _ in range(30)]
    let_in = [arrival for arrival in arrivals if admission.refusal("a") is None and arrival.mark_received() is None]
    assert len(let_in) == 25
    assert admission.refusal("b") is None
    for arrival in let_in[:22]:
        assert admission.refusal("a") is not None  # there was no pause
        arrival.end()
        arrival.end()
    assert admission.arrivals.by_client == {"a": 3}
    assert admission.refusal("a") is None


async def test_requests_answered_early_are_not_counted() -> None:
    """Although the rest of a rejected body may arrive later."""
    arrivals = Arrivals()
    early = arrivals.expect("a")
    early.end()
    early.mark_received()
    assert arrivals.by_client == {}


async def test_those_that_ask_for_more_than_there_is_go_last() -> None:
    """The jobs of a client that was refused just now count eight times."""
    line = FairQueue()
    line.refuse("c")
    append_all(line, [job("c", 0.125) for _ in range(3)])
    append_all(line, [job("d", 0.125) for _ in range(20)])
    assert "".join(one.client for one in line) == "cd" + 7 * "d" + "cd" + 7 * "d" + "cdddd"
    line = FairQueue()
    line.refuse("c")
    line._refusals["c"] -= 1.0
    append_all(line, [job("c", 0.125), job("c", 0.125), job("d", 0.125), job("d", 0.125)])
    assert "".join(one.client for one in line) == "cdcd"


async def test_the_first_refusal_shortens_the_queue() -> None:
    """By what its client was let in with beyond four runs; other clients' jobs stay."""
    waiting = [job("a", 0.1) for _ in range(200)]
    admission, slot = standing_queue(CostEstimates(), *waiting, mean=0.1, queue_seconds=0.5)
    slot.runs.queue.append(job("b", 0.1))
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.1))
    assert [one.client for one in slot.runs.queue] == ["a", "b", "a", "a", "a"]
    refused = {one.result.header.exception() for one in waiting if one.is_closed}
    assert len(refused) == 196
    assert {round(error.seconds, 6) for error in refused if isinstance(error, Overloaded)} == {20.1}
    append_all(slot.runs.queue, [job("a", 0.1) for _ in range(5)])
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.1))
    assert slot.runs.queue.usage["a"].count == 9, "it is no more the first"
    append_all(slot.concurrent.queue, [job("c", 0.1) for _ in range(200)])
    admission._overloaded(slot.concurrent, "a", "")
    assert slot.runs.queue.usage["a"].count == 9, "runs do not go with plans"


async def test_a_refusal_is_not_held_against_a_client_that_asks_for_less_than_others() -> None:
    """Its jobs stay, it is not paused, and it goes first; one that asks for as much as the others is flooding."""
    admission, slot = busy_queue(CostEstimates(), *[job("a") for _ in range(12)])
    append_all(slot.runs.queue, [job("b") for _ in range(12)])
    for client in "aaab":
        admission._demand.add(client, 1.0)
    for seconds in (14.0, 14.0):
        with pytest.raises(Overloaded):
            admission.check(slot, job("b", seconds))
    assert (slot.runs.queue.usage["b"].count, slot.runs.queue.is_flooding("b")) == (12, False)
    assert not admission.floods_beside_others("b")
    with pytest.raises(Overloaded):
        admission.check(slot, job("a"))
    assert (slot.runs.queue.usage["a"].count, slot.runs.queue.is_flooding("a")) == (4, True)
    assert admission.floods_beside_others("a")


async def test_refused_runs_count_as_demand() -> None:
    """Whether they were refused by their heads, as runs of average length, or when they were read."""
    admission, _ = busy_queue(CostEstimates(), *[job("a") for _ in range(6)])
    for _ in range(3):
        assert admission.refusal("a") is not None
    with pytest.raises(Overloaded):
        admission.admit(job("a").request)
    admission.admit(job("b").request)
    assert admission._demand.is_modest("b")
    assert not admission._demand.is_modest("a")


async def test_no_client_takes_all_slots() -> None:
    """Nor all memory of inputs or replies."""
    admission, slot = busy_queue(CostEstimates(), *[job("a", 0.01) for _ in range(4)], max_queue=4)
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.01))
    admission.check(slot, job("b", 0.01))
    slot.process = Ready(a=51, b=50)  # type: ignore[assignment]
    admission = Admission(Settings(reply_memory=100), [slot], CostEstimates())  # type: ignore[arg-type]
    admission.check(slot, job("b", 0.01))
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.01))
    admission, slot = busy_queue(CostEstimates(), job("a", 0.01, 80), max_queue_bytes=100)
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 0.01, 30))


async def test_inputs_wait_only_for_memory_used_by_others() -> None:
    """Queued plans use none, so a run larger than the whole input memory is admitted."""
    admission, slot = busy_queue(CostEstimates(), max_queue_bytes=100)
    slot.concurrent.queue.append(job("a"))
    admission.check(slot, job("b", 0.01, 200))


async def test_the_number_of_accounts_is_bounded() -> None:
    """With many clients, refused or not; the latest refusals are kept."""
    line = FairQueue()
    for number in range(2 * MAX_ACCOUNTS):
        line.refuse(f"client {number}")
    assert len(line._refusals) <= MAX_ACCOUNTS
    assert line.is_flooding(f"client {2 * MAX_ACCOUNTS - 1}")
    waiting = [job(f"other {number}", 0.1) for number in range(2 * MAX_ACCOUNTS)]
    for one in waiting:
        line.append(one)
        line.take(one)
    assert len(line._accounts) <= MAX_ACCOUNTS


@pytest.mark.parametrize(
    ("address", "client"),
    [("127.0.0.1", "127.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("fe80::1%eth0", "fe80:0000:0000:0000"),
     ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"), ("a:pipe", "a:pipe")],
)  # fmt: skip
def test_a_client_is_identified_by_its_address(address: str, client: str) -> None:
    """In IPv6 by its /64 network."""
    assert identity(address) == client


async def test_of_a_flooding_client_less_is_dispatched_ahead_and_less_still_beside_others() -> None:
    """10 ms of work of a client that was not refused, 5 of one that was, 2 where others send, too."""

    def room(milliseconds: float) -> bool:
        lane.running.clear()
        lane.running.append(job("a", milliseconds / 1e3))
        return lane.has_room(1)

    lane = EngineLane(8)
    lane.queue.append(job("a"))
    assert [room(milliseconds) for milliseconds in (1, 4, 9, 11)] == [True, True, True, False]
    lane.queue.refuse("a")
    assert [room(milliseconds) for milliseconds in (1, 4, 6)] == [True, True, False]
    lane.queue.append(job("b"))
    assert [room(milliseconds) for milliseconds in (1, 3)] == [True, False]


async def test_clients_whose_jobs_were_added_within_a_second_are_others(passing: Any) -> None:
    """However many jobs the refused client itself has added; in the queue of any engine."""
    slots = [EngineSlot(0), EngineSlot(1)]
    admission, queue = Admission(Settings(), slots, CostEstimates()), slots[1].runs.queue
    queue.append(job("a"))
    for one in "ab":
        slots[0].runs.queue.refuse(one)
    assert not admission.floods_beside_others("a")
    append_all(queue, [job("b"), job("a"), job("a")])
    assert admission.floods_beside_others("a")
    assert admission.floods_beside_others("b")
    await passing(0.6)
    queue.append(job("a"))
    await passing(0.6)
    for one in "ab":
        slots[0].runs.queue.refuse(one)
    assert not admission.floods_beside_others("a")
    assert admission.floods_beside_others("b")


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({"max_queue": 8, "queue_seconds": 100}, [(1.0, 1)] * 2),
        ({"max_queue": 100, "queue_seconds": 20}, [(2.0, 1)] * 2),
        ({"max_queue": 100, "queue_seconds": 100, "max_queue_bytes": 8000}, [(1.0, 1000)] * 2),
    ],
)
async def test_a_share_bounds_what_a_client_holds_of_the_queue(
    settings: dict[str, Any], sizes: list[tuple[float, int]]
) -> None:
    """A quarter of its length, seconds or bytes; the first request is admitted in any case, and others' are."""
    slot = EngineSlot(0, process=Ready(), runs=EngineLane(8))  # type: ignore[arg-type]
    admission = Admission(Settings(**settings), [slot], CostEstimates())

    def check(client: str, share: float, seconds: float, nbytes: int) -> None:
        one = job(client, seconds, nbytes)
        one.request.trace.share = share
        admission.check(slot, one)
        slot.runs.queue.append(one)

    check("small", 0.01, *sizes[0])
    for seconds, nbytes in sizes:
        check("quarter", 0.25, seconds, nbytes)
    with pytest.raises(Overloaded, match="share"):
        check("quarter", 0.25, *sizes[0])
    check("whole", 1.0, *sizes[0])


async def test_a_share_bounds_what_a_client_holds_of_reply_memory() -> None:
    """A tenth of it, and at most half, whatever the share."""
    settings = Settings(reply_memory=1000)
    for share, allowed in ((0.1, 100), (1.0, 500)):
        for held in (allowed, allowed + 1):
            process: Any = Ready(a=held)
            slot, one = EngineSlot(0, process=process, runs=EngineLane(8)), job("a")
            one.request.trace.share = share
            admission = Admission(settings, [slot], CostEstimates())
            if held == allowed:
                admission.check(slot, one)
                continue
            with pytest.raises(Overloaded, match="not read"):
                admission.check(slot, one)
