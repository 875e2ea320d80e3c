"""Token buckets of keys: multiply-adds and bytes a minute, priced by the plan before anything is run.

A bucket holds what is allowed in one minute, and fills evenly. What costs more than a full bucket is let through when
the bucket is full, and leaves a debt: a key may do anything that the service allows, as rarely as it has to.
Source: RFC 2697 section 1 (the token bucket, with one rate).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from models.errors import RateLimited
from service.access.keys import Key

MINUTE = 60.0


@dataclass
class Bucket:
    """What a key may still spend of one thing; `level` is below 0 while it is in debt."""

    per_minute: int
    level: float
    at: float

    def fill(self, now: float) -> None:
        """Add what has come since the last time."""
        self.level = min(self.per_minute, self.level + (now - self.at) * self.per_minute / MINUTE)
        self.at = now

    def seconds_until(self, price: int) -> float:
        """Return the seconds until a price can be paid; 0 if it can be now."""
        return max(0.0, (min(price, self.per_minute) - self.level) * MINUTE / self.per_minute)


@dataclass(frozen=True)
class Price:
    """What a request costs by its plan."""

    macs: int = 0
    nbytes: int = 0


NOTHING = Price()


class Quotas:
    """The buckets of all keys with limits. Used on the event loop alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def charge(self, key: Key, price: Price) -> None:
        """Take a price from the buckets of a key, all of it or nothing.

        Raises:
            RateLimited: with the price, and the seconds until it can be paid.
        """
        self.check(key, price)
        self.owe(key, price)

    def check(self, key: Key, price: Price = NOTHING) -> None:
        """Check that a key can pay a price, without taking it.

        Raises:
            RateLimited: it cannot, or is in debt.
        """
        for bucket, cost, unit in self._costs(key, price):
            if seconds := bucket.seconds_until(cost):
                raise _refusal(bucket, cost, unit, seconds)

    def refund(self, key: Key, price: Price) -> None:
        """Give a price back: its work was refused."""
        for bucket, cost, _ in self._costs(key, price):
            bucket.level = min(bucket.per_minute, bucket.level + cost)

    def owe(self, key: Key, price: Price) -> None:
        """Take a price from the buckets of a key, whatever is left in them: its work is done."""
        for bucket, cost, _ in self._costs(key, price):
            bucket.level -= cost

    def _costs(self, key: Key, price: Price) -> list[tuple[Bucket, int, str]]:
        """Return the buckets of the limits that a key has, with what they are asked for, and its unit."""
        now = self._clock()
        parts = [
            (price.macs, key.macs_per_minute, "multiply-adds"),
            (price.nbytes, key.bytes_per_minute, "bytes"),
        ]
        return [
            (self._bucket(key.name, unit, limit, now), cost, unit) for cost, limit, unit in parts if limit is not None
        ]

    def _bucket(self, name: str, unit: str, limit: int, now: float) -> Bucket:
        """Return a bucket, filled up to now; a key whose limit has changed begins with a full one."""
        bucket = self._buckets.get((name, unit))
        if bucket is None or bucket.per_minute != limit:
            bucket = self._buckets[name, unit] = Bucket(limit, limit, now)
        bucket.fill(now)
        return bucket


def _refusal(bucket: Bucket, cost: int, unit: str, seconds: float) -> RateLimited:
    spent = f"the key has spent more {unit} than it may in a minute"
    error = RateLimited.at(
        "",
        f"this costs {cost:,} {unit}, more than the key has left" if cost else spent,
        expected=f"{bucket.per_minute:,} {unit} a minute",
        received=f"{max(0, int(bucket.level)):,} left",
        suggestion=f"send it again in {max(seconds, 0.1):.1f} seconds, or ask for less",
    )
    error.seconds = seconds
    return error
