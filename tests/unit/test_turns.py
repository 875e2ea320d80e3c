"""Turns of jobs in line for an engine, and how many may wait."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from models.engine.messages import Plan
from models.errors import HungUp, Overloaded
from service.admission import Admission
from service.arrivals import Arrivals
from service.clients import identity
from service.courses import Course
from service.jobs import Answer, Job, Question
from service.lanes import Lane
from service.prices import Prices
from service.settings import Settings
from service.slots import Slot
from service.turns import MAX_ACCOUNTS, Line


def job(client: str, seconds: float = 1.0, nbytes: int = 0) -> Job:
    """A client's job that is expected to take so long."""
    question = Question(
        "key", lambda number, _: Plan(number, b"{}", {}, ()), (np.zeros(nbytes, np.uint8),), course=Course(client)
    )
    return Job(question, Answer(), seconds=seconds)


class Ready:
    """An engine that takes work, of which clients still hold replies."""

    ready = True

    def __init__(self, **held: int) -> None:
        self.held = held


def standing(prices: Prices, *jobs: Job, mean: float = 1.0, **settings: float) -> tuple[Admission, Slot]:
    """One engine with a line that has stood for long, of jobs that take so many seconds on average."""
    prices.learn("other", "other", mean)
    slot = Slot(0, process=Ready(), runs=Lane(8))  # type: ignore[arg-type]
    slot.runs.waiting.extend(jobs)
    for share in (slot.runs.waiting.total, *slot.runs.waiting.shares.values()):
        share.since = -1e9
    return Admission(Settings(**settings), [slot], prices), slot  # type: ignore[arg-type]


def busy(prices: Prices, *jobs: Job, **settings: float) -> tuple[Admission, Slot]:
    """The same with jobs of a second, where one has just been refused a place."""
    admission, slot = standing(prices, *jobs, **settings)
    slot.runs.waiting.last_refusal = asyncio.get_running_loop().time()
    return admission, slot


async def test_clients_take_turns() -> None:
    """By what their work takes: one small job of a new client is behind one of a client with many, not behind all."""
    line, many, few = Line(), [job("many") for _ in range(5)], [job("few", 0.25) for _ in range(5)]
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
    line, first, second, other = Line(), job("a", 0.1), job("a", 0.1), job("b", 1.0)
    line.append(first)
    line.take(first)
    line.correct(first, 10.0)
    line.extend([second, other])
    assert list(line) == [other, second]


async def test_what_is_given_up_leaves_the_line() -> None:
    """And what runs again is next."""
    line, jobs = Line(), [job("a", 2.0, 10), job("b", 3.0, 20), job("a", 4.0, 30)]
    line.extend(jobs)
    jobs[0].hang_up()
    assert isinstance(jobs[0].answer.head.exception(), HungUp)
    assert (list(line), line.total.seconds, line.total.nbytes, set(line.shares)) == (
        [jobs[1], jobs[2]], 7.0, 50, {"a", "b"}
    )  # fmt: skip
    line.take(jobs[1])
    line.appendleft(jobs[1])
    assert list(line) == [jobs[1], jobs[2]]
    for one in jobs[1:]:
        one.hang_up()
    assert (line.total.count, line.shares) == (0, {})


def test_prices_are_those_of_the_kind_then_of_the_client_then_of_all() -> None:
    """A kind that was never seen is taken for what its client sends, so that new models are no way around a price."""
    prices = Prices()
    assert prices.expected("x", "a") == 0.0
    prices.learn("slow", "a", 8.0)
    prices.learn("fast", "b", 1.0)
    assert [prices.expected(*one) for one in (("slow", "b"), ("new", "a"), ("new", "b"))] == [8.0, 8.0, 1.0]
    assert prices.expected("new", "c") == prices.mean == pytest.approx(7.65)
    prices.learn("slow", "a", 4.0)
    assert prices.expected("slow", "c") == 6.0


async def test_a_line_is_bounded_by_the_time_it_stands_for() -> None:
    """25 runs; while others are refused five, or two of the longest. Half of it is for each of two clients."""
    admission, slot = busy(Prices(), *[job("a") for _ in range(4)])
    admission.check(slot, job("a"))
    slot.runs.waiting.append(job("a"))
    with pytest.raises(Overloaded) as refused:
        admission.check(slot, job("a"))
    assert refused.value.seconds == 5.0
    assert admission.refusal("a") is not None
    admission.check(slot, job("b", 12.5))
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 12.6))
    slot.runs.waiting.append(job("b"))
    admission.check(slot, job("b", 1.5))
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 1.6))
    slot.runs.waiting._refusals["b"] -= 1.0
    admission.check(slot, job("b", 11.5))
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 11.6))
    slot.runs.waiting.last_refusal -= 1.0
    admission.check(slot, job("a"))
    assert admission.refusal("a") is None


async def test_clients_that_wait_for_their_answers_are_served_for_as_long_as_they_like() -> None:
    """Sixteen connections fill a line with fifteen runs, which stands; nobody else comes, so nobody is refused."""
    admission, slot = standing(Prices(), *[job("a") for _ in range(15)])
    admission.check(slot, job("a"))
    assert admission.refusal("a") is None


async def test_a_line_of_short_runs_that_stands_has_half_the_seconds() -> None:
    """A burst has all of them."""
    admission, slot = standing(Prices(), *[job("a", 0.01) for _ in range(30)], mean=0.001, queue_seconds=0.5)
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.01))
    slot.runs.waiting.total.since = asyncio.get_running_loop().time()
    slot.runs.waiting.last_refusal -= 1.0
    admission.check(slot, job("a", 0.01))


async def test_what_is_not_in_line_yet_is_counted() -> None:
    """As a run of average length each: a hundred heads that come at once find room for as many as there is room for."""
    admission, slot = busy(Prices())
    slot.runs.waiting.last_refusal -= 1.0
    arrivals = [admission.arrivals.expect("a") for _ in range(30)]
    let_in = [arrival for arrival in arrivals if admission.refusal("a") is None and arrival.come() is None]
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
    early.come()
    assert arrivals.by_client == {}


async def test_who_asks_in_vain_has_its_turns_later() -> None:
    """By an eighth of a run each time, up to a second, though both have had as much of the engine."""
    line = Line()
    for _ in range(100):
        line.refuse("c", 0.0005)
    line.extend([job("c", 0.1), job("d", 0.1)])
    assert [one.client for one in line] == ["d", "c"]
    for _ in range(10_000):
        line.refuse("c", 0.0005)
    line.extend([job("d", 0.9), job("c"), job("d")])
    assert [one.client for one in line] == ["d", "c", "d", "c", "d"]
    admission, slot = busy(Prices(), job("a", 0.01), job("c", 0.01), max_queue=2)
    with pytest.raises(Overloaded):
        admission.check(slot, job("c", 0.01))
    assert slot.runs.waiting._accounts["c"] == pytest.approx(0.01 + 1 / 8)


async def test_no_client_takes_all_places() -> None:
    """Nor all memory of inputs, nor of replies."""
    admission, slot = busy(Prices(), *[job("a", 0.01) for _ in range(4)], max_queue=4)
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.01))
    admission.check(slot, job("b", 0.01))
    slot.process = Ready(a=51, b=50)  # type: ignore[assignment]
    admission = Admission(Settings(reply_memory=100), [slot], Prices())  # type: ignore[arg-type]
    admission.check(slot, job("b", 0.01))
    with pytest.raises(Overloaded):
        admission.check(slot, job("a", 0.01))
    admission, slot = busy(Prices(), job("a", 0.01, 80), max_queue_bytes=100)
    with pytest.raises(Overloaded):
        admission.check(slot, job("b", 0.01, 30))


async def test_inputs_wait_for_memory_only_where_others_fill_it() -> None:
    """Plans in line have none, hence one run that is larger than all memory of inputs is let in beside them."""
    admission, slot = busy(Prices(), max_queue_bytes=100)
    slot.beside.waiting.append(job("a"))
    admission.check(slot, job("b", 0.01, 200))


async def test_addresses_that_come_once_are_forgotten() -> None:
    """However many are refused, and also where nothing is ever taken from the line; who owes most is remembered."""
    line = Line()
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


async def test_another_client_is_one_that_had_a_place_in_the_last_second(passing: Any) -> None:
    """However often the first has one."""
    admission = Admission(Settings(), [Slot(0)], Prices())
    admission.place(job("a").question)
    assert not admission.has_others("a")
    for client in ("a", "b", "a", "a"):
        admission.place(job(client).question)
    assert admission.has_others("a")
    assert admission.has_others("b")
    await passing(0.6)
    admission.place(job("a").question)
    await passing(0.6)
    assert not admission.has_others("a")
    assert admission.has_others("b")
