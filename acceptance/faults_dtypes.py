"""Reported faults 2 of dtypes: integer inputs planned as floats, and layers in a dtype that Keras cannot do."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L  # noqa: N812

from acceptance.fault_rows import Answer, Array, Ask, Json, Row, answered, asked, in_turn, posted, right, value_of
from acceptance.keras_files import NAME, PATH
from acceptance.live_service import Service

RUN, PLAN = "/v1/activations", "/v1/plan"
ROW = np.array([[1, 2, 3, 4]])
WIDTHS = {1: (3, 2), 2: (3, 3, 1), 3: (3, 3, 3, 1)}
OWN = {"SpatialDropout": {"rate": 0.5}, "Cropping": {"cropping": 1}}
PLAIN: dict[str, tuple[dict[str, Any], tuple[int, ...], int]] = {
    "ReLU": ({}, (4,), 1), "Activation": ({"activation": "relu"}, (4,), 1), "Dropout": ({"rate": 0.5}, (4,), 1),
    "AlphaDropout": ({"rate": 0.5}, (4,), 1), "GaussianDropout": ({"rate": 0.5}, (4,), 1),
    "GaussianNoise": ({"stddev": 0.5}, (4,), 1), "Masking": ({}, (4, 2), 1), "RMSNormalization": ({}, (4,), 1),
    "RepeatVector": ({"n": 2}, (4,), 1), "Dot": ({"axes": 1}, (4,), 2),
    "IntegerLookup": ({"vocabulary": [1, 2, 3]}, (4,), 1),
    **{name: ({}, (4,), 2) for name in
       ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")},
    **{f"{name}{axes}D": (OWN.get(name, {}), shape, 1)
       for name in ("Cropping", "SpatialDropout", "GlobalMaxPooling", "MaxPooling", "UpSampling", "ZeroPadding")
       for axes, shape in WIDTHS.items()},
}  # fmt: skip
"""Arguments, shape and number of inputs of the types that hand integers on."""
MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


FLOATS: dict[str, tuple[dict[str, Any], tuple[int, ...], int]] = {
    "Average": ({"dtype": "int32"}, (4,), 2), "LeakyReLU": ({"dtype": "int32"}, (4,), 1),
    "Masking": ({"dtype": "bool"}, (4, 2), 1), "Normalization": ({"dtype": "int32"}, (4,), 1),
    "STFTSpectrogram": ({"frame_length": 8, "window": None, "dtype": "bfloat16"}, (32, 1), 1),
    "CategoryEncoding": ({"num_tokens": 3, "dtype": "mixed_float16"}, (4,), 1),
}  # fmt: skip
"""Arguments, shape and number of inputs of types in a dtype that is odd for them, on floats."""


def integers(shape: tuple[int, ...]) -> Array:
    """Return a batch of 1, 2, 3, … of a shape."""
    return (np.arange(np.prod(shape), dtype="int32") % 7 + 1).reshape(1, *shape)


def computed(name: str, arguments: dict[str, Any], inputs: list[Array]) -> Array | None:
    """Return what a Keras model of one layer computes, in a traced function; None where TensorFlow refuses."""
    tensors = [keras.Input(array.shape[1:], dtype=array.dtype.name) for array in inputs]
    try:
        layer = getattr(L, name)(**arguments)
        made = keras.Model(tensors, layer(tensors if len(tensors) > 1 else tensors[0]))
        return np.asarray(tf.function(made, autograph=False)([tf.constant(array) for array in inputs]))
    except (TypeError, ValueError, tf.errors.OpError):
        return None


def planned_and_run(model: Json, inputs: dict[str, Any]) -> Ask:
    """Return a plan, a run, and their dtypes compared."""

    def ask(service: Service) -> Answer:
        plan = service.client.post(PLAN, json={"model": model})
        ran = service.client.post(RUN, json={"model": model, "inputs": inputs})
        if plan.status_code != 200 or ran.status_code != 200:
            return answered(ran if plan.status_code == 200 else plan)
        planned, layer = plan.json()["layers"][-1], ran.json()["layers"][-1]
        same = planned["dtype"] == layer["dtype"]
        return Answer(200 if same else f"planned {planned['dtype']}, run", ran.text, value_of(layer))

    return ask


def on_integers(name: str, arguments: dict[str, Any], shape: tuple[int, ...], count: int) -> Row:
    """Return the row of a type on int32: the dtype and the numbers are Keras', and the plan's dtype."""
    names, array = ["x", "y"][:count], integers(shape)
    model = {
        "input": {one: {"shape": shape, "dtype": "int32"} for one in names},
        "layers": [{"type": name, **arguments, "inputs": names}],
    }
    value = computed(name, arguments, [array] * count)
    expected = right(422) if value is None else right(200, value=value)
    words = f"{name} of int32" + (f", {arguments['output_mode']}" if "output_mode" in arguments else "")
    return Row("2", words, expected, planned_and_run(model, dict.fromkeys(names, array.tolist())))


def integer_inputs() -> Iterator[Row]:
    """Yield the types that hand integers on."""
    for name, (arguments, shape, count) in PLAIN.items():
        yield on_integers(name, arguments, shape, count)
    for mode in MODES:
        idf = {"idf_weights": [0.5, 1.5, 2.5]} if mode == "tf_idf" else {}
        yield on_integers("IntegerLookup", {"vocabulary": [1, 2, 3], "output_mode": mode, **idf}, (4,), 1)


def everywhere(model: Json, inputs: Any) -> dict[str, Ask]:
    """Return a plan, a registration, a run, and a run and weights of what is registered."""
    registered = in_turn(_put(model), posted(f"{PATH}/activations", {"inputs": inputs}))
    weights = in_turn(_put(model), asked("GET", f"{PATH}/weights"))
    plan, run = posted(PLAN, {"model": model}), posted(RUN, {"model": model, "inputs": inputs})
    return {"plan": plan, "PUT": _put(model), "run": run, "PUT and run": registered, "PUT and GET weights": weights}


def _put(model: Json) -> Ask:
    return lambda service: answered(service.client.put(PATH, json=model))


def refused_dtypes() -> Iterator[Row]:
    """Yield layers whose dtype Keras cannot do: 422 there, before anything is registered."""
    told = right(422, says="/layers/0/dtype")
    for dtype in ("int32", "bool"):
        model = {"input": [4], "layers": [{"type": "Dense", "units": 2, "dtype": dtype}]}
        for what, ask in everywhere(model, ROW.tolist()).items():
            yield Row("2", f"Dense in {dtype}: {what}", told, ask)
    for name, (arguments, shape, count) in FLOATS.items():
        names, array = ["x"] * count, np.ones((1, *shape), "f4")
        model = {"input": {"x": shape}, "layers": [{"type": name, **arguments, "inputs": names}]}
        value = computed(name, arguments, [array] * count)
        expected = right(422, says="/layers/0") if value is None else right(200, value=value)
        sent = posted(RUN, {"model": model, "inputs": array.tolist()})
        yield Row("2", f"{name} in {arguments['dtype']}", expected, sent)
    orthogonal = {"input": [4, 2], "layers": [{"type": "LSTM", "units": 1, "bias_initializer": "orthogonal"}]}
    sent = posted(RUN, {"model": orthogonal, "inputs": np.ones((1, 4, 2)).tolist()})
    yield Row("2", "LSTM with orthogonal biases, which TensorFlow refuses to draw", right(422), sent)


RECURRENT: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "LSTM": ({"units": 2}, (3, 2)), "GRU": ({"units": 2}, (3, 2)), "SimpleRNN": ({"units": 2}, (3, 2)),
    "ConvLSTM1D": ({"filters": 1, "kernel_size": 2}, (2, 3, 1)),
    "ConvLSTM2D": ({"filters": 1, "kernel_size": 2}, (2, 3, 3, 1)),
}  # fmt: skip


def in_bfloat16(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> Row:
    """Return the row of a recurrent layer: largest difference from Keras' layer in bfloat16 with the same weights."""
    array = np.linspace(-1, 1, int(np.prod(shape)), dtype="f4").reshape(1, *shape)
    model = {"name": NAME, "input": list(shape), "layers": [{"type": name, **arguments, "dtype": "bfloat16"}]}

    def ask(service: Service) -> Answer:
        reply = _put(model)(service)
        ran = service.client.post(f"{PATH}/activations", json={"inputs": array.tolist()})
        weights = service.client.get(f"{PATH}/weights?format=npz")
        if {ran.status_code, weights.status_code} != {200}:
            failed = next(one for one in (ran, weights) if one.status_code != 200)
            return Answer(failed.status_code, f"PUT {reply.status}; {failed.text}")
        layer = getattr(L, name)(**arguments, dtype="bfloat16", recurrent_initializer="zeros")
        layer.build((1, *shape))
        with np.load(io.BytesIO(weights.content)) as arrays:
            layer.set_weights([arrays[one] for one in arrays.files])
        expected = np.asarray(keras.ops.cast(layer(array), "float32"))
        found = np.array(ran.json()["layers"][-1]["data"])
        return Answer(200, "", np.array([np.abs(found - expected).max() > 0.02], "int32"))

    return Row("2", f"{name} in bfloat16: over 0.02 from Keras", right(200, value=np.zeros(1, "int32")), ask)


def rows() -> Iterator[Row]:
    """Yield all rows."""
    yield from integer_inputs()
    yield from refused_dtypes()
    for name, (arguments, shape) in RECURRENT.items():
        yield in_bfloat16(name, arguments, shape)
