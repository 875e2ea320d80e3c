"""What kills engines is not run again for a while, under whatever name it comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from models.errors import Quarantined
from models.ipc.messages import RunResult
from service.engines.engine_request import EngineRequest
from service.engines.quarantine import CLIENT_SECONDS, SECONDS, Quarantine
from service.engines.requests import plan_request
from service.observing.engine_trace import EngineTrace


def request(units: int = 1, client: str = "a", key: str = "sha256:0", **members: Any) -> EngineRequest:
    """A run of a network of one layer."""
    layer = {"type": "Dense", "units": units, "name": members.pop("layer_name", None), "seed": members.get("seed")}
    arrays = (np.zeros(members.pop("nbytes", 0), np.uint8),)
    document = orjson.dumps({"layers": [layer], **members})
    return EngineRequest(key, lambda *_: None, RunResult, arrays, document, trace=EngineTrace(client))  # type: ignore[arg-type]


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(quarantine: Quarantine, asked: EngineRequest, is_known: bool = False) -> bool:
    """Whether it would be refused."""
    try:
        quarantine.check(asked, is_known)
    except Quarantined:
        return True
    return False


def test_a_structure_that_killed_two_engines_is_refused() -> None:
    """Whatever its seed, its names and its client; a plan of it is another matter; a success wipes it out."""
    clock = Clock()
    quarantine = Quarantine(clock)
    for seed in (1, 2):
        quarantine.record_crash(request(key=f"sha256:{seed}", seed=seed, name=f"n{seed}", layer_name=f"l{seed}"))
    again = request(key="sha256:3", client="b", seed=3)
    assert refused(quarantine, again, is_known=True)
    assert not refused(quarantine, request(2, "b", "sha256:4"))
    assert again.document is not None
    assert not refused(quarantine, plan_request(again.document, {}, (), {}))
    clock.now = SECONDS
    assert not refused(quarantine, again)
    clock.now = 0.0
    quarantine.record_success(again)
    assert not refused(quarantine, again)


def test_a_client_that_killed_three_engines_may_run_what_is_known() -> None:
    """Nothing new, for a time that doubles; nobody else notices."""
    clock = Clock()
    quarantine = Quarantine(clock)
    for units in range(3):
        assert not refused(quarantine, request(units, key=f"sha256:{units}"))
        quarantine.record_crash(request(units, key=f"sha256:{units}"))
    new = request(9, key="sha256:9")
    assert refused(quarantine, new)
    survived = request(2, key="sha256:8", seed=8)
    quarantine.record_success(request(2, key="sha256:8", seed=8, nbytes=100))  # another input
    assert refused(quarantine, new)
    quarantine.record_success(survived)  # somebody else has killed that engine
    assert not refused(quarantine, new)
    quarantine.record_crash(request(2, key="sha256:2"))
    assert refused(quarantine, new)
    assert not refused(quarantine, new, is_known=True)
    assert not refused(quarantine, request(9, "b", "sha256:9"))
    clock.now = CLIENT_SECONDS
    assert not refused(quarantine, new)
    quarantine.record_crash(new)
    clock.now += 1.9 * CLIENT_SECONDS
    with pytest.raises(Quarantined) as told:
        quarantine.check(request(10, key="sha256:10"), is_known=False)
    assert told.value.problems[0].expected == "a model that has run before, or another in 3 s"
