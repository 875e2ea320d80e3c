"""Quarantine: models and clients that crash engines are rejected for a while."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from models.errors import Quarantined
from models.ipc.messages import RunResult
from service.engines.engine_request import EngineRequest
from service.engines.quarantine import CLIENT_CRASHES, CLIENT_SECONDS, SECONDS, Quarantine, structure_of
from service.engines.request_builders import plan_request
from service.observing.engine_trace import EngineTrace


def request(units: int = 1, client: str = "a", key: str = "sha256:0", **members: Any) -> EngineRequest:
    """Build a run of a network of one layer."""
    layer = {"type": "Dense", "units": units, "name": members.pop("layer_name", None), "seed": members.get("seed")}
    arrays = (np.zeros(members.pop("nbytes", 0), np.uint8),)
    document = orjson.dumps({"layers": [layer], **members})
    return EngineRequest(key, lambda *_: None, RunResult, arrays, document, trace=EngineTrace(client))  # type: ignore[arg-type]


class Clock:
    """A manual clock."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def is_rejected(quarantine: Quarantine, asked: EngineRequest, is_known: bool = False) -> bool:
    """Whether a request is rejected."""
    try:
        quarantine.check(asked, is_known)
    except Quarantined:
        return True
    return False


def test_a_structure_that_crashed_two_engines_is_rejected() -> None:
    """Whatever its seed, names and client; plans are allowed, and a success clears it."""
    clock = Clock()
    quarantine = Quarantine(clock)
    for seed in (1, 2):
        quarantine.record_crash(request(key=f"sha256:{seed}", seed=seed, name=f"n{seed}", layer_name=f"l{seed}"))
    again = request(key="sha256:3", client="b", seed=3)
    assert is_rejected(quarantine, again, is_known=True)
    assert not is_rejected(quarantine, request(2, "b", "sha256:4"))
    assert again.document is not None
    assert not is_rejected(quarantine, plan_request(again.document, {}, (), {}))
    clock.now = SECONDS
    assert not is_rejected(quarantine, again)
    clock.now = 0.0
    quarantine.record_success(again)
    assert not is_rejected(quarantine, again)


def test_a_client_that_crashed_three_engines_is_limited_to_known_models() -> None:
    """For a time that doubles; other clients are not affected."""
    clock = Clock()
    quarantine = Quarantine(clock)
    for units in range(3):
        assert not is_rejected(quarantine, request(units, key=f"sha256:{units}"))
        quarantine.record_crash(request(units, key=f"sha256:{units}"))
    new = request(9, key="sha256:9")
    assert is_rejected(quarantine, new)
    survived = request(2, key="sha256:8", seed=8)
    quarantine.record_success(request(2, key="sha256:8", seed=8, nbytes=100))  # another input
    assert is_rejected(quarantine, new)
    quarantine.record_success(survived)  # another request has crashed that engine
    assert not is_rejected(quarantine, new)
    quarantine.record_crash(request(2, key="sha256:2"))
    assert is_rejected(quarantine, new)
    assert not is_rejected(quarantine, new, is_known=True)
    assert not is_rejected(quarantine, request(9, "b", "sha256:9"))
    clock.now = CLIENT_SECONDS
    assert not is_rejected(quarantine, new)
    quarantine.record_crash(new)
    clock.now += 1.9 * CLIENT_SECONDS
    with pytest.raises(Quarantined) as reported:
        quarantine.check(request(10, key="sha256:10"), is_known=False)
    assert reported.value.problems[0].expected == "a model that has run before, or another in 3 s"


def test_forgotten_and_expired_crashes_cost_later_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A success is recorded after every run: documents are digested only while a crash is recorded."""
    clock, digested = Clock(), list[str]()

    def digest(digested_request: EngineRequest[Any]) -> str:
        digested.append(digested_request.key)
        return structure_of(digested_request)

    monkeypatch.setattr("service.engines.quarantine.structure_of", digest)
    quarantine = Quarantine(clock)
    for client in range(100):
        quarantine.record_crash(request(1, f"c{client}"))
    quarantine.record_crash(request(2, "a", "sha256:2"))
    quarantine.record_success(request(1, "z"))  # once for all hundred
    assert not quarantine.is_empty()
    clock.now = SECONDS
    quarantine.record_success(request(3, key="sha256:3"))
    assert quarantine.is_empty()
    assert digested == ["sha256:0", "sha256:2"]


def test_a_success_on_another_input_leaves_a_client_rejected() -> None:
    """Even if that model is all that has ever crashed."""
    quarantine = Quarantine(Clock())
    for _ in range(CLIENT_CRASHES):
        quarantine.record_crash(request(nbytes=100))
    quarantine.record_success(request())
    assert is_rejected(quarantine, request(9, key="sha256:9"))
    quarantine.record_success(request(nbytes=100))
    assert not is_rejected(quarantine, request(9, key="sha256:9"))


def test_the_oldest_crashes_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of structures and of clients: what is remembered is bounded."""
    monkeypatch.setattr("service.engines.quarantine.MAX_KEYS", 3)
    quarantine = Quarantine(Clock())
    for units in range(4):
        for _ in range(2):
            quarantine.record_crash(request(units, f"c{units}", f"sha256:{units}"))
    counts = [quarantine.structures.of(structure_of(request(units)))[0] for units in range(4)]
    assert counts == [0, 2, 2, 2]
    assert not is_rejected(quarantine, request(0, "c0", "sha256:0"))
    assert is_rejected(quarantine, request(3, "c3", "sha256:3"))


def test_a_request_without_a_document_is_known_by_its_key() -> None:
    """Its crashes are counted like those of a model."""
    asked: EngineRequest[Any] = EngineRequest("construct:1", lambda *_: None, RunResult)  # type: ignore[arg-type, return-value]
    quarantine = Quarantine(Clock())
    for _ in range(2):
        quarantine.record_crash(asked)
    assert structure_of(asked) == "construct:1"
    assert is_rejected(quarantine, asked)
