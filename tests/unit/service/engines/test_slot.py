"""Expected readiness of engines that are starting."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from models.errors import NotReady, Problem
from service.engines.slot import EngineSlot
from service.errors.handlers import whole_seconds

STARTING: Any = SimpleNamespace(ready=None)
READY: Any = SimpleNamespace(ready=True)


@pytest.mark.parametrize(
    ("process", "started", "seconds"),
    [(READY, 95, 0.0), (STARTING, 100, 8.0), (STARTING, 95, 3.0), (STARTING, 90, 0.0), (None, 105, 13.0)],
)
async def test_a_start_is_expected_to_take_as_long_as_the_last(
    process: Any, started: float, seconds: float, passing: Callable[[float], Any]
) -> None:
    """Eight seconds, minus the elapsed time, plus a pause before the restart."""
    await passing(100)
    assert EngineSlot(0, process, started=started).seconds_until_ready(8.0) == seconds


@pytest.mark.parametrize(("seconds", "told"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.2, "2"), (59.9, "60")])
def test_retry_after_is_in_whole_seconds(seconds: float, told: str) -> None:
    """Rounded up and at least one; an error keeps its value when it is raised again."""
    assert whole_seconds(seconds) == told
    moved = NotReady("late", [Problem("/x", "x")], seconds).under("/y")
    assert isinstance(moved, NotReady)
    assert (moved.seconds, str(moved), [problem.pointer for problem in moved.problems]) == (seconds, "late", ["/y/x"])
