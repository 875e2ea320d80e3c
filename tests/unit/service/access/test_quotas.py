"""Token buckets, by a clock of the test's own."""

from __future__ import annotations

import pytest

from models.errors import RateLimited
from service.access.keys import Key
from service.access.quotas import Price, Quotas


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_minute_is_spent_and_comes_back_evenly() -> None:
    """A bucket never holds more than a minute."""
    clock, key = Clock(), Key("a", b"", macs_per_minute=600)
    quotas = Quotas(clock)
    for _ in range(6):
        quotas.charge(key, Price(macs=100))
    with pytest.raises(RateLimited) as refused:
        quotas.charge(key, Price(macs=50))
    (problem,) = refused.value.problems
    assert (problem.expected, problem.received) == ("600 multiply-adds a minute", "0 left")
    assert "this costs 50 multiply-adds" in problem.message
    assert refused.value.seconds == pytest.approx(5)
    clock.now += refused.value.seconds
    quotas.charge(key, Price(macs=50))
    clock.now += 1000
    for _ in range(6):
        quotas.charge(key, Price(macs=100))
    with pytest.raises(RateLimited):
        quotas.charge(key, Price(macs=100))


def test_what_costs_more_than_a_minute_is_run_once_and_paid_for_afterwards() -> None:
    """Three minutes of work: the next is three minutes later."""
    clock, key = Clock(), Key("a", b"", macs_per_minute=600)
    quotas = Quotas(clock)
    quotas.charge(key, Price(macs=1800))
    with pytest.raises(RateLimited) as refused:
        quotas.charge(key, Price(macs=1800))
    assert refused.value.seconds == pytest.approx(180)
    clock.now += 180
    quotas.charge(key, Price(macs=1800))


def test_a_refused_price_takes_nothing_from_either_bucket() -> None:
    """All of a price is taken, or nothing."""
    key, quotas = Key("a", b"", macs_per_minute=600, bytes_per_minute=1000), Quotas(Clock())
    quotas.charge(key, Price(macs=1, nbytes=900))
    for _ in range(5):
        with pytest.raises(RateLimited) as refused:
            quotas.charge(key, Price(macs=100, nbytes=200))
        assert refused.value.problems[0].expected == "1,000 bytes a minute"
    quotas.charge(key, Price(macs=599, nbytes=100))


def test_work_that_is_done_is_owed_whatever_is_left() -> None:
    """The next request waits for the debt, even one that costs nothing."""
    key, quotas = Key("a", b"", bytes_per_minute=600), Quotas(clock := Clock())
    quotas.owe(key, Price(nbytes=660))
    with pytest.raises(RateLimited) as refused:
        quotas.charge(key, Price(nbytes=0))
    assert refused.value.seconds == pytest.approx(6)
    clock.now += 6
    quotas.charge(key, Price(nbytes=0))


def test_keys_have_buckets_of_their_own_and_a_new_limit_begins_full() -> None:
    """One without limits pays nothing."""
    quotas = Quotas(Clock())
    quotas.charge(Key("a", b"", macs_per_minute=600), Price(macs=600))
    quotas.charge(Key("b", b"", macs_per_minute=600), Price(macs=600))
    quotas.charge(Key("a", b"", macs_per_minute=700), Price(macs=700))
    quotas.charge(Key("c", b""), Price(macs=10**18, nbytes=10**18))
