"""Warm-up of an engine before it takes requests."""

from __future__ import annotations

import gc

from models.engine.execution import EngineLimits, Execution
from models.engine.warm_up import GARBAGE_OBJECTS, warm_up


def test_garbage_is_collected_from_then_on() -> None:
    """Of objects that are made later alone; nothing of the network of the warm-up stays in the cache."""
    thresholds, execution = gc.get_threshold(), Execution(EngineLimits(2**30, 2**30, 30.0), 2**30)
    gc.disable()
    try:
        assert warm_up(execution) > 0
        assert gc.isenabled()
        assert gc.get_freeze_count() > 100_000
        assert gc.get_threshold()[0] == GARBAGE_OBJECTS
        assert execution.time is not None
        assert len(execution.cache) == 0
    finally:
        gc.enable()
        gc.unfreeze()
        gc.set_threshold(*thresholds)
