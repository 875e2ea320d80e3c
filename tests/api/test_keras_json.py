"""`model.to_json()` over HTTP: as text, as an object, and with errors that point into it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

Refusal = Callable[[Any], list[dict[str, Any]]]


def tokens() -> keras.Model:
    """Embedding, mask, LSTM and an operation: what Keras writes for sentences."""
    words = keras.Input((5,), dtype="int32", name="words")
    y = keras.layers.Embedding(9, 4, mask_zero=True, name="embedding")(words)
    y = keras.layers.LSTM(3, name="lstm")(y)
    return keras.Model(words, keras.layers.Dense(2, name="dense")(1 - y))


def test_the_reply_is_that_of_keras(run: Callable[..., Any]) -> None:
    """With the weights of the reply, Keras computes the same, the operations in between included."""
    model, x = tokens(), np.array([[3, 1, 4, 0, 0]], "int32")
    reply = run(model.to_json(), x)
    entries = json.loads(model.to_json())["config"]["layers"]  # Keras counts the names of operations in the process
    assert sorted(reply.addresses()) == sorted(entry["name"] for entry in entries if entry["name"] != "words")
    for name in ("embedding", "lstm", "dense"):
        model.get_layer(name).set_weights(list(reply.weights(name).values()))
    np.testing.assert_allclose(reply.array("dense"), np.asarray(model(x)), rtol=1e-5, atol=1e-6)


def test_object_and_text_are_one_model(run: Callable[..., Any]) -> None:
    """Sent either way it has the same id."""
    text, x = tokens().to_json(), np.ones((1, 5), "int32")
    assert run(text, x).body["model"]["id"] == run(json.loads(text), x).body["model"]["id"]


BIG = {"name": "conv", "filters": 2, "kernel_size": [9, 9], "padding": "valid"}
CONV = {"module": "keras.layers", "class_name": "Conv2D", "config": BIG, "registered_name": None}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({}, "/model/config/layers/0/config/kernel_size"),
        ({"kernel_size": [3, 0]}, "/model/config/layers/0/config/kernel_size"),
        ({"kernel_size": 3, "groups": 2}, "/model/config/layers/0/config/groups"),
        ({"name": "a/b"}, "/model/config/layers/0/config/name"),
    ],
)
def test_errors_point_into_what_was_sent(refusal: Refusal, change: dict[str, Any], pointer: str) -> None:
    """Those of the front and those of the engine."""
    layer = CONV | {"config": BIG | change}
    config = {"name": "s", "layers": [layer], "build_input_shape": [None, 8, 8, 1]}
    raw = {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}
    assert [problem["pointer"] for problem in refusal(raw)] == [pointer]
