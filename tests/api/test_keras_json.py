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
    """Build a text model as Keras writes it: embedding, mask, LSTM and an operation."""
    words = keras.Input((5,), dtype="int32", name="words")
    y = keras.layers.Embedding(9, 4, mask_zero=True, name="embedding")(words)
    y = keras.layers.LSTM(3, name="lstm")(y)
    return keras.Model(words, keras.layers.Dense(2, name="dense")(1 - y))


def test_keras_json_matches_keras(run: Callable[..., Any]) -> None:
    """With the weights of the reply, Keras computes the same values, operations included."""
    model, x = tokens(), np.array([[3, 1, 4, 0, 0]], "int32")
    reply = run(model.to_json(), x)
    names = {operation.name for operation in model.operations}  # Keras numbers names within the process
    assert {*reply.addresses(), "words"} == names
    for name in ("embedding", "lstm", "dense"):
        model.get_layer(name).set_weights(list(reply.weights(name).values()))
    np.testing.assert_allclose(reply.array("dense"), np.asarray(model(x)), rtol=1e-5, atol=1e-6)


def test_object_and_text_have_one_id(run: Callable[..., Any]) -> None:
    """Keras JSON may be sent as an object or as a string."""
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
def test_errors_point_into_the_keras_json(refusal: Refusal, change: dict[str, Any], pointer: str) -> None:
    """For errors of the front and of the engine."""
    layer = CONV | {"config": BIG | change}
    config = {"name": "s", "layers": [layer], "build_input_shape": [None, 8, 8, 1]}
    raw = {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}
    assert [problem["pointer"] for problem in refusal(raw)] == [pointer]


def test_models_are_exported_as_keras_json(server: Any) -> None:
    """`?as=keras` loads in Keras with the same parameter count; reimported it has the same id."""
    assert server.client.put("/v1/models/tokens", content=tokens().to_json()).status_code in (200, 201)
    model = keras.models.model_from_json(server.client.get("/v1/models/tokens?as=keras").text)
    assert model.count_params() == tokens().count_params()
    again = server.client.put("/v1/models/again", content=model.to_json())
    assert again.json()["id"] == server.client.get("/v1/models/tokens").json()["id"]


def test_models_are_exported_as_documents(server: Any) -> None:
    """`?as=document` is the short form; reimported it has the same id."""
    server.client.put("/v1/models/tokens", content=tokens().to_json())
    document = server.client.get("/v1/models/tokens?as=document").json()
    again = server.client.put("/v1/models/again", json=document)
    assert again.json()["id"] == server.client.get("/v1/models/tokens").json()["id"]


def test_models_are_exported_as_summaries(server: Any) -> None:
    """`?as=summary` is a plain text table; an unknown value is an error."""
    server.client.put("/v1/models/tokens", content=tokens().to_json())
    reply = server.client.get("/v1/models/tokens?as=summary")
    assert reply.headers["content-type"].startswith("text/plain")
    assert f"Total parameters: {tokens().count_params():,}" in reply.text
    assert server.client.get("/v1/models/tokens?as=picture").status_code == 422
