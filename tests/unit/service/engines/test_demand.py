"""Demand of clients in windows of half a second."""

from __future__ import annotations

from typing import Any

import pytest

from service.engines.demand import Demand, Window


async def test_a_client_is_modest_that_asks_for_less_than_three_quarters_of_the_average() -> None:
    """One that is alone, or has never asked while none has, is not."""
    demand = Demand()
    assert not demand.is_modest("a")
    demand.add("a", 5.0)
    assert not demand.is_modest("a")
    demand.add("b", 3.0)
    assert not demand.is_modest("b"), "the average is 4, of which three quarters are 3"
    demand.add("a", 0.5)
    assert demand.is_modest("b")
    assert demand.is_modest("c")
    assert not demand.is_modest("a")


async def test_demand_is_forgotten_after_one_to_two_windows(passing: Any) -> None:
    """Of the previous window it counts, too."""
    demand = Demand()
    demand.add("a", 4.0)
    demand.add("b", 1.0)
    await passing(0.6)
    demand.add("b", 1.0)
    assert demand.is_modest("b")
    await passing(0.6)
    demand.add("b", 1.0)
    assert not demand.is_modest("b"), "what a asked for is over"
    await passing(1.2)
    assert not demand.is_modest("b")


def test_the_clients_of_a_window_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that ask for most are kept."""
    monkeypatch.setattr("service.engines.demand.MAX_CLIENTS", 4)
    window = Window()
    for number in range(9):
        window.add(f"client {number}", 9.0 - number)
    assert set(window.seconds) == {"client 0", "client 1", "client 8"}
    assert window.total == 45.0
