"""A small sample of the random documents and mutated Keras JSON of acceptance/: none causes a 500."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import keras

from acceptance.drawn import document
from acceptance.drawn_replies import REFUSALS, plan_and_run
from acceptance.mutants import mutant, zeros

if TYPE_CHECKING:
    from tests.conftest import Server

DOCUMENTS = range(30)
MUTANTS = range(60)


def test_random_documents_are_served_or_rejected(server: Server) -> None:
    """Runs return the planned shapes and dtypes, at the first run and at the second."""
    faults, served = {}, 0
    for seed in DOCUMENTS:
        model, inputs = document(Random(seed))  # noqa: S311 (repeatable)
        replies = plan_and_run(server.client, model, inputs)
        served += replies.statuses == [200, 200, 200]
        if fault := replies.fault():
            faults[seed] = fault, model, replies.runs[-1].text[:300]
    assert faults == {}
    assert served > len(DOCUMENTS) // 3


def small_model() -> dict[str, Any]:
    """Build a Keras network with a shared layer, an operation and a constant."""
    x = keras.Input((4, 3))
    shared = keras.layers.Dense(3, activation="relu")
    y = shared(keras.layers.Masking()(shared(x) * 2.0))
    model = keras.Model(x, keras.layers.LSTM(2)(keras.ops.concatenate([x, y], axis=-1)))
    return dict(json.loads(model.to_json()))


def test_mutated_keras_json_is_served_or_rejected(server: Server) -> None:
    """Mutations remove, duplicate or replace parts."""
    faults, original = {}, small_model()
    for seed in MUTANTS:
        model = mutant(original, Random(seed))  # noqa: S311 (repeatable)
        plan = server.post("/v1/plan", json={"model": model})
        if plan.status_code == 200:
            fault = plan_and_run(server.client, model, zeros(plan.json())).fault()
        else:
            fault = None if plan.status_code in REFUSALS else plan.text[:300]
        if fault:
            faults[seed] = fault
    assert faults == {}
