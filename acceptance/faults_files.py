"""Reported faults 1B, F, P, Q and of whole models: files of Keras that were refused or counted wrongly."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import keras
import numpy as np
from keras import layers as L  # noqa: N812

from acceptance.fault_rows import Answer, Array, Ask, Row, in_turn, right
from acceptance.keras_files import computed, counted, file_of, put, run_of
from acceptance.live_service import Service

Maker = Callable[[], keras.Model]
ROW: Any = [[1.0, 2.0]]
CLIP: Any = [np.arange(12.0).reshape(3, 2, 2, 1).tolist()]


def spectral() -> keras.Model:
    """SpectralNormalization, whose kernel is in the file twice."""
    return keras.Sequential([keras.Input((2,), name="x"), L.SpectralNormalization(L.Dense(1))])


def frame() -> list[keras.Layer]:
    """Return the layers of a model of one picture."""
    return [L.Flatten(), L.Dense(1)]


def steps_of_a_sequential() -> keras.Model:
    """TimeDistributed around a Sequential."""
    x = keras.Input((3, 2, 2, 1), name="x")
    return keras.Model(x, L.TimeDistributed(keras.Sequential([keras.Input((2, 2, 1)), *frame()]))(x))


def steps_of_a_functional() -> keras.Model:
    """TimeDistributed around a Functional."""
    x, picture = keras.Input((3, 2, 2, 1), name="x"), keras.Input((2, 2, 1))
    y: Any = picture
    for layer in frame():
        y = layer(y)
    return keras.Model(x, L.TimeDistributed(keras.Model(picture, y))(x))


def two_alike() -> keras.Model:
    """A Sequential and a Functional of equal shapes in one model."""
    x, inner = keras.Input((2,), name="x"), keras.Input((2,))
    one = keras.Sequential([keras.Input((2,)), L.Dense(2)], name="one")
    two = keras.Model(inner, L.Dense(2)(inner), name="two")
    return keras.Model(x, two(one(x)))


def shared_by_two_models() -> keras.Model:
    """A layer that stands in two models."""
    x, dense = keras.Input((2,), name="x"), L.Dense(2, name="dense")
    one, two = (keras.Sequential([keras.Input((2,)), dense], name=name) for name in ("one", "two"))
    return keras.Model(x, two(one(x)))


SERVED: tuple[tuple[str, Maker, Any], ...] = (
    ("1B", spectral, ROW), ("1P", steps_of_a_sequential, CLIP), ("1P", steps_of_a_functional, CLIP),
    ("1Q", two_alike, ROW),
)  # fmt: skip


def served() -> Iterator[Row]:
    """Yield both forms of models that were refused."""
    for kind, make, data in SERVED:
        made = counted(make())
        expected = right(200, value=computed(made, {"x": np.array(data, "f4")}))
        run, what = run_of({"x": data}), (make.__doc__ or "").rstrip(".")
        yield Row(kind, f"{what}: .keras", expected, in_turn(put(weights=file_of(made)), run))
        both = put(model=made.to_json(), weights=file_of(made, ".weights.h5"))
        yield Row(kind, f"{what}: to_json() and .weights.h5", expected, in_turn(both, run))


def block_on_steps() -> Row:
    """Return the row of a document's block as held layer: a product of pixels and kernel by NumPy."""
    block = {"type": "Block", "layers": [{"type": "Flatten"}, {"type": "Dense", "units": 1, "use_bias": False}]}
    document = {"input": {"x": [3, 2, 2, 1]}, "layers": [{"type": "TimeDistributed", "layer": block}]}
    kernel = np.arange(4, dtype="f4").reshape(4, 1) / 10
    file = io.BytesIO()
    np.savez(file, kernel)
    value = np.array(CLIP, "f4").reshape(1, 3, 4) @ kernel
    sent = put(model=json.dumps(document), weights=file.getvalue())
    return Row("1P", "TimeDistributed around a Block, weights by position", right(200, value=value),
               in_turn(sent, run_of({"x": CLIP})))  # fmt: skip


def with_metrics(made: keras.Model) -> bytes:
    """Return a `.weights.h5` with a metric beside the weights, as Keras 2.15 writes those of a compiled model."""
    file = io.BytesIO(file_of(made, ".weights.h5"))
    with h5py.File(file, "r+") as written:
        for number in range(2):
            written[f"metrics/mean_absolute_error/vars/{number}"] = np.float32(number)
    return file.getvalue()


def metrics() -> Iterator[Row]:
    """Yield files with metrics and an optimizer beside weights: they are passed over."""
    made = counted(keras.Sequential([keras.Input((2,), name="x"), L.Dense(3), L.Dense(1)]))
    expected, run = right(200, value=computed(made, {"x": np.array(ROW, "f4")})), run_of({"x": ROW})
    text, spoiled = made.to_json(), with_metrics(made)
    yield Row("1F", "metrics/… in a .weights.h5", expected, in_turn(put(model=text, weights=spoiled), run))
    made.compile("adam", "mse", metrics=["mae"])
    weights = made.get_weights()
    made.fit(np.ones((1, 2)), np.ones((1, 1)), verbose=0)
    made.set_weights(weights)
    trained = put(weights=file_of(made))
    yield Row("1F", "a trained .keras with an optimizer and metrics", expected, in_turn(trained, run))


def shared() -> Iterator[Row]:
    """Yield both forms of a layer in two models: the honest refusal, though the file lacks a weight."""
    made, told = counted(shared_by_two_models()), right(422, says="stands in two models")
    what = (shared_by_two_models.__doc__ or "").rstrip(".")
    yield Row("1", f"{what}: .keras", told, put(weights=file_of(made)))
    both = put(model=made.to_json(), weights=file_of(made, ".weights.h5"))
    yield Row("1", f"{what}: to_json() and .weights.h5", told, both)


def planned(document: Any) -> Ask:
    """Return a plan of a document or Keras' JSON, of which the trainable and other parameters are the value."""

    def ask(service: Service) -> Answer:
        reply = service.client.post("/v1/plan", json={"model": document})
        totals = reply.json().get("totals", {})
        found = [totals.get("trainable_parameters", -1), totals.get("non_trainable_parameters", -1)]
        return Answer(reply.status_code, reply.text, np.array(found))

    return ask


def counts_of(made: keras.Model) -> Array:
    """Return the trainable and other parameters by Keras."""
    kinds = made.trainable_weights, made.non_trainable_weights
    return np.array([sum(int(np.prod(weight.shape)) for weight in kind) for kind in kinds])


def frozen() -> Iterator[Row]:
    """Yield plans of models that are frozen as a whole though their layers are not, at the top and inside another."""
    layers = [keras.Input((4,)), L.Dense(3), L.Dense(2)]
    made = keras.Sequential(layers, name="inner", trainable=False)
    x = keras.Input((4,))
    outer = keras.Model(x, L.Dense(1)(made(x)))
    for what, one in {"Keras' JSON": made, "Keras' JSON, inside another": outer}.items():
        words = f"trainable: false of a whole model in {what}: trainable and other parameters"
        yield Row("1", words, right(200, value=counts_of(one)), planned(one.to_json()))
    dense = [{"type": "Dense", "units": 3}, {"type": "Dense", "units": 2}]
    document = {"input": [4], "trainable": False, "layers": dense}
    words = "trainable: false of a document: trainable and other parameters"
    yield Row("1", words, right(200, value=counts_of(made)), planned(document))


def rows() -> Iterator[Row]:
    """Yield all rows."""
    keras.utils.clear_session()
    yield from served()
    yield block_on_steps()
    yield from metrics()
    yield from shared()
    yield from frozen()
