"""Notes on what is read as something else than the request says, with pointers into the request."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers as L  # noqa: N812

from models.documents.notes import MAX_NOTES, STATEFUL, notes_json
from models.engine.build import build
from models.engine.weights import network_weights
from models.networks.expansion import expand
from models.reading.parse import parse_document


def noted(raw: Any) -> list[tuple[str, str]]:
    """The notes on a document, pointers first."""
    return [(note.pointer, note.message) for note in parse_document(raw).source_map.notes]


LSTM = {"type": "LSTM", "units": 2, "stateful": True}
OWN: list[tuple[Any, list[str]]] = [
    ({"layers": [LSTM]}, ["/layers/0/stateful"]),
    ([{"type": "Dense", "units": 2}, LSTM], ["/1/stateful"]),
    ({"layers": [LSTM | {"stateful": False}]}, []),
    ({"layers": [{"type": "Bidirectional", "layer": LSTM}]}, ["/layers/0/layer/stateful"]),
    (
        {"layers": [{"type": "Bidirectional", "layer": LSTM, "backward_layer": LSTM | {"go_backwards": True}}]},
        ["/layers/0/layer/stateful", "/layers/0/backward_layer/stateful"],
    ),
    ({"layers": [{"type": "Block", "layers": [{"type": "Block", "layers": [LSTM]}]}]},
     ["/layers/0/layers/0/layers/0/stateful"]),
    ({"layers": [{"type": "TimeDistributed", "layer": {"type": "Block", "layers": [LSTM]}}]},
     ["/layers/0/layer/layers/0/stateful"]),
]  # fmt: skip


@pytest.mark.parametrize(("document", "pointers"), OWN)
def test_stateful_layers_are_noted_wherever_they_are(document: Any, pointers: list[str]) -> None:
    """At any depth, with pointers into what was sent; false is read as such."""
    assert noted(document) == [(pointer, STATEFUL) for pointer in pointers]


def test_a_stateful_layer_is_the_network_without_state() -> None:
    """One identity, and nothing of it in the document."""
    stateful, other = ({"input": [3, 2], "layers": [LSTM | {"stateful": flag}]} for flag in (True, False))
    assert expand(parse_document(stateful)).identity() == expand(parse_document(other)).identity()
    assert b'"stateful":true' not in expand(parse_document(stateful)).document_bytes


def stateful_of(keras_: Any, wrapped: bool) -> Any:
    x = keras_.Input(batch_shape=(2, 5, 3))
    layer = keras_.layers.GRU(4, stateful=True, name="gru")
    return keras_.Model(x, keras_.layers.Bidirectional(layer, name="both")(x) if wrapped else layer(x))


WHERE = {False: ["/config/layers/1/config/stateful"],
         True: [f"/config/layers/1/config/{name}/config/stateful" for name in ("layer", "backward_layer")]}  # fmt: skip


@pytest.mark.parametrize("wrapped", [False, True])
def test_stateful_layers_of_any_keras_are_noted(wrapped: bool) -> None:
    """With pointers into Keras' JSON."""
    assert noted(stateful_of(keras, wrapped).to_json()) == [(pointer, STATEFUL) for pointer in WHERE[wrapped]]
    found = [pointer for pointer, _ in noted(stateful_of(tf_keras, wrapped).to_json())]
    assert found == WHERE[wrapped][: len(found)]
    assert found


@pytest.mark.parametrize(
    "layer",
    [
        L.SimpleRNN(4, stateful=True), L.GRU(4, stateful=True, return_state=True), L.LSTM(4, stateful=True),
        L.RNN([L.LSTMCell(3), L.GRUCell(2)], stateful=True), L.Bidirectional(L.LSTM(4, stateful=True)),
    ],
)  # fmt: skip
def test_every_run_has_the_bits_of_keras_first(layer: Any) -> None:
    """Keras computes from zeros once, and from its last states afterwards."""
    x = keras.Input(batch_shape=(2, 5, 3))
    model = keras.Model(x, layer(x))
    values = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    made = build(expand(parse_document(model.to_json())), 2**30)
    for variable, array in zip(network_weights(made.symbolic).values(), model.get_weights(), strict=True):
        variable.assign(array)
    first, later = (keras.tree.flatten(model.predict_on_batch(values)) for _ in range(2))
    assert not np.array_equal(first[0], later[0])
    for _ in range(2):
        found = made.compiled_selection(made.network.outputs, False, False).run([values])
        for one, other in zip(found, first, strict=True):
            np.testing.assert_array_equal(np.asarray(one), other)


class Mine(keras.Model):
    """A user's class with a graph."""


class Older(tf_keras.Model):  # type: ignore[misc]
    """The same in Keras 2."""


@pytest.mark.parametrize(("keras_", "mine"), [(keras, Mine), (tf_keras, Older)])
def test_user_defined_models_are_noted(keras_: Any, mine: Any) -> None:
    """The outer one and the inner one."""
    i, x = keras_.Input((3,), name="i"), keras_.Input((3,), name="x")
    inner = mine(i, keras_.layers.Dense(2)(i), name="inner")
    raw = json.loads(mine(x, inner(x), name="outer").to_json())
    assert [pointer for pointer, _ in noted(raw)] == ["/class_name", "/config/layers/1/class_name"]
    assert all(f'"{mine.__name__}"' in message for _, message in noted(raw))


def test_a_reply_lists_few_notes() -> None:
    """However many there are."""
    notes = parse_document({"layers": [LSTM | {"return_sequences": True}] * 30}).source_map.notes
    assert len(notes) == 30
    assert len(notes_json(notes)["notes"]) == MAX_NOTES
    assert notes_json([]) == {}
