"""What kills engines is not run again for a while, under whatever name it comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from models.errors import Quarantined
from service.courses import Course
from service.jobs import Question
from service.quarantine import CLIENT_DEATHS, CLIENT_SECONDS, SECONDS, Quarantine, structure_of
from service.questions import plan_question


def question(units: int = 1, client: str = "a", key: str = "sha256:0", **members: Any) -> Question:
    """A run of a network of one layer."""
    layer = {"type": "Dense", "units": units, "name": members.pop("layer_name", None), "seed": members.get("seed")}
    arrays = (np.zeros(members.pop("nbytes", 0), np.uint8),)
    document = orjson.dumps({"layers": [layer], **members})
    return Question(key, lambda *_: None, arrays, document, course=Course(client))  # type: ignore[arg-type]


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(quarantine: Quarantine, asked: Question, is_known: bool = False) -> bool:
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
        quarantine.blame(question(key=f"sha256:{seed}", seed=seed, name=f"n{seed}", layer_name=f"l{seed}"))
    again = question(key="sha256:3", client="b", seed=3)
    assert refused(quarantine, again, is_known=True)
    assert not refused(quarantine, question(2, "b", "sha256:4"))
    assert again.document is not None
    assert not refused(quarantine, plan_question(again.document, {}, (), {}))
    clock.now = SECONDS
    assert not refused(quarantine, again)
    clock.now = 0.0
    quarantine.absolve(again)
    assert not refused(quarantine, again)


def test_a_client_that_killed_three_engines_may_run_what_is_known() -> None:
    """Nothing new, for a time that doubles; nobody else notices."""
    clock = Clock()
    quarantine = Quarantine(clock)
    for units in range(3):
        assert not refused(quarantine, question(units, key=f"sha256:{units}"))
        quarantine.blame(question(units, key=f"sha256:{units}"))
    new = question(9, key="sha256:9")
    assert refused(quarantine, new)
    survived = question(2, key="sha256:8", seed=8)
    quarantine.absolve(question(2, key="sha256:8", seed=8, nbytes=100))  # another input
    assert refused(quarantine, new)
    quarantine.absolve(survived)  # somebody else has killed that engine
    assert not refused(quarantine, new)
    quarantine.blame(question(2, key="sha256:2"))
    assert refused(quarantine, new)
    assert not refused(quarantine, new, is_known=True)
    assert not refused(quarantine, question(9, "b", "sha256:9"))
    clock.now = CLIENT_SECONDS
    assert not refused(quarantine, new)
    quarantine.blame(new)
    clock.now += 1.9 * CLIENT_SECONDS
    with pytest.raises(Quarantined) as told:
        quarantine.check(question(10, key="sha256:10"), is_known=False)
    assert told.value.problems[0].expected == "a model that has run before, or another in 3 s"


def test_deaths_cost_later_runs_nothing_once_they_are_forgiven_or_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run asks: documents are digested only while there is something to absolve."""
    clock, digested = Clock(), list[str]()

    def digest(asked: Question) -> str:
        digested.append(asked.key)
        return structure_of(asked)

    monkeypatch.setattr("service.quarantine.structure_of", digest)
    quarantine = Quarantine(clock)
    for client in range(100):
        quarantine.blame(question(1, f"c{client}"))
    quarantine.blame(question(2, "a", "sha256:2"))
    quarantine.absolve(question(1, "z"))  # once for the hundred
    assert not quarantine.is_idle()
    clock.now = SECONDS
    quarantine.absolve(question(3, key="sha256:3"))
    assert quarantine.is_idle()
    assert digested == ["sha256:0", "sha256:2"]


def test_a_client_stays_refused_when_another_input_of_its_model_is_survived() -> None:
    """Also where that model is all that has ever died."""
    quarantine = Quarantine(Clock())
    for _ in range(CLIENT_DEATHS):
        quarantine.blame(question(nbytes=100))
    quarantine.absolve(question())
    assert refused(quarantine, question(9, key="sha256:9"))
    quarantine.absolve(question(nbytes=100))
    assert not refused(quarantine, question(9, key="sha256:9"))
