"""Turns of jobs in line for an engine, and how many may wait."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import ClientDisconnected, Overloaded
from models.ipc.messages import Plan, Planned
from service.access.arrivals import Arrivals
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
    """A client's job that is expected to take so long."""
    request = EngineRequest(
        "key",
        lambda number, _: Plan(number, b"{}", {}, ()),
        Planned,
        (np.zeros(nbytes, np.uint8),),
        trace=EngineTrace(client),
    )
    return Job(request, PendingResult(request.reply), seconds=seconds)


class Ready:
    """An engine that takes work, of which clients still hold replies."""

    ready = True

    def __init__(self, **held: int) -> None:
        self.held = held


def busy(prices: CostEstimates, *jobs: Job, **settings: float) -> tuple[Admission, EngineSlot]:
    """One engine with a line, of jobs that take a second on average, that has stood for long."""
    prices.learn("other", "other", 1.0)
    slot = EngineSlot(0, process=Ready(), runs=EngineLane(8))  # type: ignore[arg-type]
    slot.runs.queue.extend(jobs)
    for share in (slot.runs.queue.total, *slot.runs.queue.usage.values()):
        share.since = -1e9
    return Admission(Settings(**settings), [slot], prices), slot  # type: ignore[arg-type]


async def test_clients_take_turns() -> None:
    """By what their work takes: one small job of a new client is behind one of a client with many, not behind all."""
    line, many, few = FairQueue(), [job("many") for _ in range(5)], [job("few", 0.25) for _ in range(5)]
    line.extend(many)
    line.take(many[0])
    line.extend(few)
    order = []
    while len(line):
        order.append(next(iter(line)))
        line.take(order[-1])
    assert [one.client for one in order] == ["few"] * 4 + ["many", "few", "many", "many", "many"]


async def test_a_client_is_charged_what_its_job_took() -> None:
    """Who says nothing of what is to come cannot gain by it."""
    line, first, second, other = FairQueue(), job("a", 0.1), job("a", 0.1), job("b", 1.0)
    line.append(first)
    line.take(first)
    line.correct(first, 10.0)
    line.extend([second, other])
    assert list(line) == [other, second]


async def test_what_is_given_up_leaves_the_line() -> None:
    """And what runs again is next."""
    line, jobs = FairQueue(), [job("a", 2.0, 10), job("b", 3.0, 20), job("a", 4.0, 30)]
    line.extend(jobs)
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


def test_prices_are_those_of_the_kind_then_of_the_client_then_of_all() -> None:
    """A kind that was never seen is taken for what its client sends, so that new models are no way around a price."""
    prices = CostEstimates()
    assert prices.estimate("x", "a") == 0.0
    prices.learn("slow", "a", 8.0)
    prices.learn("fast", "b", 1.0)
    assert [prices.estimate(*one) for one in (("slow", "b"), ("new", "a"), ("new", "b"))] == [8.0, 8.0, 1.0]
    assert prices.estimate("new", "c") == prices.mean == pytest.approx(7.65)
    prices.learn("slow", "a", 4.0)
    assert prices.estimate("slow", "c") == 6.0


async def test_a_line_is_bounded_by_the_time_it_stands_for() -> None:
    """Five runs, or two of the longest; after a pause 25, half of which each of two clients has for itself."""
    admission, slot = busy(CostEstimates(), *[job("a") for _ in range(4)])
    admission.check(slot, job("a"))
    slot.runs.queue.append(job("a"))
    with pytest.raises(Overloaded) as refused:
        admission.check(slot, job("a"))
    assert refused.value.seconds == 5.0
    assert admission.refusal("a") is not None
    admission.check(slot, job("b", 12.5))
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 12.6))
    slot.runs.queue.append(job("b"))
    slot.runs.queue.usage["b"].since = -1e9
    slot.runs.queue._refusals["b"] -= 1.0
    admission.check(slot, job("b", 1.5))
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 1.6))
    slot.runs.queue.total.since = 1e12
    with pytest.raises(Overloaded):
        admission.check(slot, job("a"))
    slot.runs.queue.last_refusal -= 1.0
    admission.check(slot, job("a"))
    assert admission.refusal("a") is None


async def test_what_is_not_in_line_yet_is_counted() -> None:
    """As a run of average length each: a hundred heads that come at once find room for as many as there is room for."""
    admission, _ = busy(CostEstimates())
    arrivals = [admission.arrivals.expect("a") for _ in range(30)]
    let_in = [arrival for arrival in arrivals if admission.refusal("a") is None and arrival.mark_received() is None]
    assert len(let_in) == 25
    assert admission.refusal("b") is None
    for arrival in let_in[:21]:
        assert admission.refusal("a") is not None  # there was no pause
        arrival.end()
        arrival.end()
    assert admission.arrivals.by_client == {"a": 4}
    assert admission.refusal("a") is None


async def test_what_is_answered_before_it_has_come_is_not_counted() -> None:
    """The rest of a body that was refused may come later."""
    arrivals = Arrivals()
    early = arrivals.expect("a")
    early.end()
    early.mark_received()
    assert arrivals.by_client == {}


async def test_who_asks_in_vain_has_its_turns_later() -> None:
    """By what refusing it took, up to a second, though both have had as much of the engine."""
    line = FairQueue()
    for _ in range(100):
        line.refuse("c", 0.0005)
    line.extend([job("c", 0.1), job("d", 0.1)])
    assert [one.client for one in line] == ["d", "c"]
    for _ in range(10_000):
        line.refuse("c", 0.0005)
    line.extend([job("d", 0.9), job("c"), job("d")])
    assert [one.client for one in line] == ["d", "c", "d", "c", "d"]
    admission, slot = busy(CostEstimates(), job("a", 0.01), job("c", 0.01), max_queue=2)
    with pytest.raises(Overloaded):
        admission.check(slot, job("c", 0.01))
    assert slot.runs.queue._accounts["c"] == pytest.approx(0.0105)


async def test_no_client_takes_all_places() -> None:
    """Nor all memory of inputs, nor of replies."""
    admission, slot = busy(CostEstimates(), *[job("a", 0.01) for _ in range(4)], max_queue=4)
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.01))
    admission.check(slot, job("b", 0.01))
    slot.process = Ready(a=51, b=50)  # type: ignore[assignment]
    admission = Admission(Settings(reply_memory=100), [slot], CostEstimates())  # type: ignore[arg-type]
    admission.check(slot, job("b", 0.01))
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.01))
    admission, slot = busy(CostEstimates(), job("a", 0.01, 80), max_queue_bytes=100)
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 0.01, 30))


async def test_inputs_wait_for_memory_only_where_others_fill_it() -> None:
    """Plans in line have none, hence one run that is larger than all memory of inputs is let in beside them."""
    admission, slot = busy(CostEstimates(), max_queue_bytes=100)
    slot.concurrent.queue.append(job("a"))
    admission.check(slot, job("b", 0.01, 200))


async def test_addresses_that_come_once_are_forgotten() -> None:
    """However many are refused, and also where nothing is ever taken from the line; who owes most is remembered."""
    line = FairQueue()
    for _ in range(3):
        line.refuse("a", 0.0005)
    for number in range(2 * MAX_ACCOUNTS):
        line.refuse(f"client {number}", 0.0005)
    assert len(line._accounts) <= MAX_ACCOUNTS
    assert line._refusals.keys() == line._accounts.keys()
    assert line._accounts["a"] == pytest.approx(0.0015)
    waiting = [job(f"other {number}", 0.1) for number in range(MAX_ACCOUNTS)]
    for one in waiting:
        line.append(one)
        line.take(one)
    assert len(line._accounts) <= MAX_ACCOUNTS


@pytest.mark.parametrize(
    ("address", "client"),
    [("127.0.0.1", "127.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("fe80::1%eth0", "fe80:0000:0000:0000"),
     ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"), ("a:pipe", "a:pipe")],
)  # fmt: skip
def test_a_client_is_an_address(address: str, client: str) -> None:
    """Or the network that one is given in IPv6."""
    assert identity(address) == client
