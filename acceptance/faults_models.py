"""Reported faults 1A: weights in other layers, for tensors by keyword and inner models of several inputs.

Every model has the weights 0, 0.1, 0.2, … in Keras' order, so that two layers that exchange theirs change the output.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import layers as L  # noqa: N812

from acceptance.fault_rows import Answer, Array, Ask, Row, in_turn, right
from acceptance.keras_files import PATH, computed, counted, data_of, file_of, npz_of, put, run_of
from acceptance.live_service import Service, relative_error

Maker = Callable[[], keras.Model]
Inputs = dict[str, Array]
MODELS: list[tuple[Maker, Inputs]] = []
ONE: Any = [[1.0]]
STEPS: Any = [[[1.0, 2.0], [3.0, 4.0]]]


def model(**inputs: Any) -> Callable[[Maker], Maker]:
    """Add a model to those whose weights are compared, with its inputs by name."""

    def add(make: Maker) -> Maker:
        MODELS.append((make, {name: np.array(data, "f4") for name, data in inputs.items()}))
        return make

    return add


@model(left=[[[1.0], [2.0]]], right=[[[0.5]]])
def states_by_keyword() -> keras.Model:
    """Two LSTM(1), the states of one by keyword for the other."""
    left, right_ = keras.Input((None, 1), name="left"), keras.Input((None, 1), name="right")
    _, *states = L.LSTM(1, return_state=True, name="first")(left)
    return keras.Model([left, right_], L.LSTM(1, name="second")(right_, initial_state=states))


@model(still=ONE, steps=[[[1.0], [2.0]]])
def state_of_a_dense() -> keras.Model:
    """Dense → initial_state of a GRU → Dense."""
    still, steps = keras.Input((1,), name="still"), keras.Input((2, 1), name="steps")
    read = L.GRU(1, name="reader")(steps, initial_state=L.Dense(1, name="start")(still))
    return keras.Model([still, steps], L.Dense(1, name="last")(read))


@model(gates=[[1.0, 0.0, 0.0]], steps=[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]])
def mask_by_keyword() -> keras.Model:
    """A mask computed by a Dense, beside a Dense of its shape."""
    gates, steps = keras.Input((3,), name="gates"), keras.Input((3, 3), name="steps")
    mask = L.Dense(3, name="gate")(gates) > 1.0
    return keras.Model([gates, steps], L.GlobalAveragePooling1D()(L.Dense(3, name="seen")(steps), mask=mask))


@model(pairs=[[[1.0, 0.0], [0.0, 1.0]]], steps=STEPS)
def attention_mask_by_keyword() -> keras.Model:
    """An attention mask computed by a Dense, beside a Dense of its shape."""
    pairs, steps = keras.Input((2, 2), name="pairs"), keras.Input((2, 2), name="steps")
    mask = L.Dense(2, name="allow")(pairs) > 0.5
    seen = L.Dense(2, name="seen")(steps)
    return keras.Model([pairs, steps], L.MultiHeadAttention(1, 1, name="att")(seen, seen, attention_mask=mask))


@model(v=STEPS, q=[[[1.0, 0.0], [0.0, 1.0]]])
def attention_by_keyword_alone() -> keras.Model:
    """MultiHeadAttention(query=, value=, key=) of two Dense."""
    v, q = keras.Input((2, 2), name="v"), keras.Input((2, 2), name="q")
    dv, dq = L.Dense(2, name="dv")(v), L.Dense(2, name="dq")(q)
    return keras.Model([v, q], L.MultiHeadAttention(1, 1, name="att")(query=dq, value=dv, key=dv))


def two_dense(*names: str) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
    """Return an input and a Dense(1) of it for each name."""
    x = keras.Input((1,), name="x")
    return x, [L.Dense(1, name=name)(x) for name in names]


@model(x=ONE)
def inner_model_of_two_inputs() -> keras.Model:
    """Dense(1) b, a into a nested p − 2r."""
    p, r = keras.Input((1,), name="p"), keras.Input((1,), name="r")
    inner = keras.Model([p, r], p - r * 2, name="inner")
    x, both = two_dense("b", "a")
    return keras.Model(x, inner(both))


@model(x=ONE)
def inner_model_with_an_input_it_does_not_read() -> keras.Model:
    """Dense(1) c, b, a into a nested model of p, unread, r."""
    p, unread, r = (keras.Input((1,), name=name) for name in ("p", "unread", "r"))
    inner = keras.Model([p, unread, r], p - r * 2, name="inner")
    x, three = two_dense("c", "b", "a")
    return keras.Model(x, inner(three))


@model(x=ONE)
def inner_model_of_a_dict() -> keras.Model:
    """Dense(1) b, a into a nested model of {z, y}, whose names are sorted."""
    z, y = keras.Input((1,), name="z"), keras.Input((1,), name="y")
    inner = keras.Model({"z": z, "y": y}, y - z * 2, name="inner")
    x, (b, a) = two_dense("b", "a")
    return keras.Model(x, inner({"z": b, "y": a}))


@model(outer=ONE)
def inner_model_one_level_deeper() -> keras.Model:
    """The same p − 2r in a model in a model."""
    middle = inner_model_of_two_inputs()
    x = keras.Input((1,), name="outer")
    return keras.Model(x, L.Dense(1, name="last")(middle(x)))


def exported(service: Service) -> keras.Model:
    """Return `reported` by Keras, of `?as=keras` and the weights as a list."""
    text = service.client.get(f"{PATH}?as=keras").raise_for_status().text
    reply = service.client.get(f"{PATH}/weights?format=npz").raise_for_status()
    loaded = keras.models.model_from_json(text)
    with np.load(io.BytesIO(reply.content)) as arrays:
        loaded.set_weights([arrays[name] for name in arrays.files])
    return loaded


def computed_of_the_export(inputs: Inputs) -> Ask:
    """Return a question for the value that Keras computes of the export."""
    return lambda service: Answer(200, "", computed(exported(service), inputs))


STATES: dict[str, Any] = {"input": {"left": [2, 1], "right": [2, 1]}, "layers": [
    {"type": "LSTM", "units": 1, "name": "first", "return_state": True, "inputs": ["left"]},
    {"type": "LSTM", "units": 1, "name": "second", "inputs": ["right"],
     "keywords": {"initial_state": ["first#1", "first#2"]}}]}  # fmt: skip
ATTENTION: dict[str, Any] = {"input": {"v": [2, 2], "q": [2, 2]}, "layers": [
    {"type": "Dense", "units": 2, "name": "dv", "inputs": ["v"]},
    {"type": "Dense", "units": 2, "name": "dq", "inputs": ["q"]},
    {"type": "MultiHeadAttention", "num_heads": 1, "key_dim": 1, "inputs": ["dq", "dv"]}]}  # fmt: skip
INNER = {"type": "Block", "name": "inner", "input": ["p", "r"], "layers": [
    {"type": "ops.multiply", "x2": 2, "name": "double", "inputs": ["r"]},
    {"type": "Subtract", "name": "minus", "inputs": ["p", "double"]}]}  # fmt: skip
NESTED: dict[str, Any] = {"input": {"x": [1]}, "layers": [
    {"type": "Dense", "units": 1, "name": "b", "inputs": ["x"]},
    {"type": "Dense", "units": 1, "name": "a", "inputs": ["x"]}, {**INNER, "inputs": ["b", "a"]}]}  # fmt: skip
DOCUMENTS = {
    "states by keyword": (STATES, {"left": [[[1.0], [2.0]]], "right": [[[0.5], [1.0]]]}),
    "attention by keyword": (ATTENTION, {"v": STEPS, "q": STEPS}),
    "a block of two inputs": (NESTED, {"x": ONE}),
}


def of_a_document(what: str, document: Any, inputs: Inputs) -> Row:
    """Return the row of a document that computes the same in Keras, exported and with weights by position: 0 apart."""

    def ask(service: Service) -> Answer:
        service.client.put(PATH, json=document).raise_for_status()
        loaded = counted(exported(service))
        service.client.put(f"{PATH}/weights", content=npz_of(loaded)).raise_for_status()
        ran, expected = run_of(data_of(inputs))(service), computed(loaded, inputs)
        apart = float("inf") if ran.value is None else relative_error(ran.value, expected)
        return Answer(ran.status, ran.text, np.array([apart]))

    words = f"a document with {what}: apart from Keras with ?as=keras and set_weights"
    return Row("1A", words, right(200, value=np.zeros(1)), ask)


def of_a_model(made: keras.Model, what: str, inputs: Inputs) -> Iterator[Row]:
    """Yield four rows, which are right where the output is that of Keras."""
    expected, run = right(200, value=computed(made, inputs)), run_of(data_of(inputs))
    text, whole, weights = made.to_json(), file_of(made), file_of(made, ".weights.h5")
    yield Row("1A", f"{what}: .keras", expected, in_turn(put(weights=whole), run))
    both = put(model=text, weights=weights)
    yield Row("1A", f"{what}: to_json() and .weights.h5", expected, in_turn(both, run))
    listed = put(model=text, weights=npz_of(made))
    yield Row("1A", f"{what}: to_json() and arrays by position", expected, in_turn(listed, run))
    words = f"{what}: model_from_json(?as=keras).set_weights(GET weights) of that .keras"
    yield Row("1A", words, expected, in_turn(put(weights=whole), computed_of_the_export(inputs)))


def rows() -> Iterator[Row]:
    """Yield four rows for each model, and one for each document."""
    for make, inputs in MODELS:
        keras.utils.clear_session()
        yield from of_a_model(counted(make()), (make.__doc__ or "").rstrip("."), inputs)
    for what, (document, inputs) in DOCUMENTS.items():
        yield of_a_document(what, document, {name: np.array(data, "f4") for name, data in inputs.items()})
