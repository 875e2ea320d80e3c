"""JSON of Keras 1 and 2 becomes a document, with errors that point to where the client's JSON has them.

What the documents compute is compared with tf_keras in tests/api/test_older_keras.py. The examples of Keras 1 are
written by hand after its documentation: it no longer installs.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import tf_keras

from models.engine.build import build
from models.errors import InvalidDocument
from models.networks.expansion import expand
from models.reading.parse import parse_document


def old(class_name: str, /, **config: Any) -> dict[str, Any]:
    """A layer of Keras 1 or 2."""
    return {"class_name": class_name, "config": {"name": class_name.lower(), "trainable": True} | config}


def sequential(*layers: dict[str, Any], version: str = "2.2.4") -> dict[str, Any]:
    """A Sequential of Keras 2; that of Keras 1 has its layers where the config is."""
    config: Any = {"name": "s", "layers": list(layers)} if version.startswith("2") else list(layers)
    return {"class_name": "Sequential", "config": config, "keras_version": version}


def functional(*layers: dict[str, Any], outputs: list[Any]) -> dict[str, Any]:
    """A graph whose input is called x."""
    source = old("InputLayer", batch_input_shape=[None, 4], dtype="float32", sparse=False)
    source["config"]["name"] = "x"
    config = {
        "name": "f", "layers": [source | {"name": "x", "inbound_nodes": []}, *layers], "input_layers": [["x", 0, 0]],
        "output_layers": outputs,
    }  # fmt: skip
    return {"class_name": "Model", "config": config, "keras_version": "2.4.0"}


def node(layer: dict[str, Any], name: str, *calls: Any) -> dict[str, Any]:
    """A layer in a graph."""
    return layer | {"name": name, "config": layer["config"] | {"name": name}, "inbound_nodes": list(calls)}


def layers_of(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """The layers of the document, without what is the default."""
    return [layer.model_dump(exclude_defaults=True) | {"type": layer.type_name()}
            for layer in parse_document(raw).layers]  # fmt: skip


FIRST = {"batch_input_shape": [None, 8, 8, 3], "input_dtype": "float32"}
KERAS_1 = sequential(
    old("Convolution2D", nb_filter=4, nb_row=3, nb_col=5, init="glorot_uniform", border_mode="same", subsample=[2, 1],
        dim_ordering="tf", bias=False, W_regularizer=None, b_constraint=None, activation="linear", **FIRST),
    old("BatchNormalization", mode=0, axis=-1, momentum=0.99, epsilon=0.001, beta_init="zero", gamma_init="one"),
    old("Dropout", p=0.25),
    old("MaxPooling2D", pool_size=[2, 2], strides=[2, 2], border_mode="valid", dim_ordering="default"),
    old("Flatten"),
    old("Dense", output_dim=3, input_dim=48, init="normal", activation="hard_sigmoid", bias=True),
    version="1.2.2",
)  # fmt: skip


def test_keras_1_is_read_under_its_own_names() -> None:
    """Arguments of Keras 1, a kernel of two numbers, and a first layer that declares the input."""
    document = parse_document(KERAS_1)
    assert document.input is not None
    assert {name: tuple(spec.shape) for name, spec in document.input.items()} == {"convolution2d_input": (8, 8, 3)}
    convolution, norm, dropout, pool, _, dense = layers_of(KERAS_1)
    assert convolution == {"type": "Conv2D", "name": "convolution2d", "filters": 4, "kernel_size": [3, 5],
                           "strides": [2, 1], "padding": "same", "data_format": "channels_last",
                           "use_bias": False}  # fmt: skip
    assert (norm["type"], dropout["rate"], pool["strides"]) == ("BatchNormalization", 0.25, [2, 2])
    assert (dense["units"], dense["activation"]) == (3, "keras2_hard_sigmoid")


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (old("CuDNNLSTM", units=3), {"type": "LSTM", "units": 3}),
        (old("CuDNNGRU", units=3), {"type": "GRU", "units": 3}),
        (old("GRU", units=3, recurrent_activation="sigmoid"), {"type": "GRU", "units": 3, "reset_after": False}),
        (old("LSTM", output_dim=3, inner_activation="hard_sigmoid", consume_less="cpu", input_dim=4),
         {"type": "LSTM", "units": 3, "recurrent_activation": "keras2_hard_sigmoid"}),
        (old("LSTM", units=3, time_major=False, implementation=1), {"type": "LSTM", "units": 3}),
    ],
)  # fmt: skip
def test_recurrent_layers_keep_their_numbers(layer: dict[str, Any], expected: dict[str, Any]) -> None:
    """Keras 3 has other defaults: a GRU that says nothing of `reset_after` is of the older kind."""
    layer["config"]["batch_input_shape"] = [None, 5, 4]
    (found,) = layers_of(sequential(layer))
    assert {key: value for key, value in found.items() if key not in ("name", "activation")} == expected


@pytest.mark.parametrize(
    ("argument", "value", "field", "expected"),
    [
        ("LeakyReLU.alpha", {"type": "ndarray", "value": 0.25}, "negative_slope", 0.25),
        ("ThresholdedReLU.theta", 0.5, "threshold", 0.5),
        ("BatchNormalization.axis", [3], "axis", 3),
        ("Dense.dtype", {"class_name": "Policy", "config": {"name": "mixed_float16"}}, "dtype", "mixed_float16"),
        ("Dense.activation", {"class_name": "function", "config": "relu"}, "activation", "relu"),
    ],
)
def test_values_are_read_in_their_older_form(argument: str, value: Any, field: str, expected: Any) -> None:
    """Arrays with their type, axes in lists, policies as objects, functions."""
    word, _, name = argument.partition(".")
    needed = {"units": 2} if word == "Dense" else {}
    layer = old(word, **needed, **{name: value}, batch_input_shape=[None, 2, 2, 4])
    assert getattr(parse_document(sequential(layer)).layers[0], field) == expected


def test_names_with_slashes_become_valid_and_stay_apart() -> None:
    """A name that is taken gets a number; references follow."""
    document = parse_document(
        functional(
            node(old("Dense", units=2), "a/b", [["x", 0, 0, {}]]),
            node(old("Dense", units=2), "a_b", [["a/b", 0, 0]]),
            node(old("Add"), "sum", [["a/b", 0, 0, {}], ["a_b", 0, 0, {}]]),
            outputs=[["sum", 0, 0]],
        )
    )
    assert [(layer.name, layer.inputs) for layer in document.layers] == [
        ("a_b_1", ["x"]), ("a_b", ["a_b_1"]), ("sum", ["a_b_1", "a_b"])
    ]  # fmt: skip


def operation(function: Any, call: Any, class_name: str = "TFOpLambda") -> dict[str, Any]:
    """A graph of one operation."""
    return functional(node(old(class_name, function=function), "op", call), outputs=[["op", 0, 0]])


def test_operations_become_those_of_keras() -> None:
    """A constant may come first, and a slice is a key."""
    (first,) = layers_of(operation("math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["x", 0, 0], "name": None}]))
    assert (first["type"], first["x1"], first["inputs"]) == ("ops.subtract", 1.0, ["x"])
    spec = [{"start": None, "stop": None, "step": None}, {"start": 1, "stop": 3, "step": None}]
    (second,) = layers_of(operation("__operators__.getitem", ["x", 0, 0, {"slice_spec": spec}], "SlicingOpLambda"))
    assert second["type"] == "ops.get_item"


def test_names_with_slashes_are_read_in_a_sequential_too() -> None:
    """The declaring layer's name is part of the input's."""
    document = parse_document(sequential(old("Dense", units=2, name="a/b", batch_input_shape=[None, 4])))
    assert (list(document.input or {}), document.layers[0].name) == (["a_b_input"], "a_b")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ({"mode": "sum"}, {"type": "Add"}),
        ({"mode": "concat", "concat_axis": 1}, {"type": "Concatenate", "axis": 1}),
        ({"mode": "cos", "dot_axes": 1}, {"type": "Dot", "axes": 1, "normalize": True}),
    ],
)
def test_merges_of_keras_1_are_read_by_their_mode(mode: dict[str, Any], expected: dict[str, Any]) -> None:
    """With the arguments of that mode only."""
    unused = {"concat_axis": -1, "dot_axes": -1, "output_shape": None, "mode_type": "raw", "arguments": {}}
    merge = node(old("Merge", **(unused | mode)), "m", [["x", 0, 0], ["x", 0, 0]])
    (found,) = layers_of(functional(merge, outputs=[["m", 0, 0]]))
    assert {key: found[key] for key in expected} == expected


def masked(*layers: dict[str, Any], last: str) -> dict[str, Any]:
    """A graph with a masked and an unmasked embedding of x."""
    first = node(old("Embedding", input_dim=9, output_dim=2, mask_zero=True), "masked", [["x", 0, 0, {}]])
    second = node(old("Embedding", input_dim=9, output_dim=2, mask_zero=False), "plain", [["x", 0, 0, {}]])
    return functional(first, second, *layers, outputs=[[last, 0, 0]])


def test_masks_that_meet_again_are_no_fault() -> None:
    """The same mask on both sides, or none after the last step of an LSTM."""
    twice = node(old("Add"), "sum", [["masked", 0, 0, {}], ["masked", 0, 0, {}]])
    steps = [node(old("LSTM", units=2, return_sequences=False), f"l{n}", [[name, 0, 0, {}]])
             for n, name in enumerate(("masked", "plain"))]  # fmt: skip
    ends = node(old("Add"), "ends", [["l0", 0, 0, {}], ["l1", 0, 0, {}]])
    assert parse_document(masked(twice, *steps, ends, last="ends")).layers


LAYERS = "/config/layers"


def encoded(value: Any) -> Any:
    """JSON as a SavedModel has it: arrays are tuples, but for lists of layers."""
    if isinstance(value, dict):
        return {key: value[key] if key == "layers" else encoded(value[key]) for key in value}
    return {"class_name": "__tuple__", "items": [encoded(one) for one in value]} if isinstance(value, list) else value


def test_tuples_of_saved_models_are_arrays() -> None:
    """Of shapes, sizes and calls, at any depth."""
    layer = old("Conv2D", filters=2, kernel_size=[3, 2], batch_input_shape=[None, 8, 8, 3])
    call = node(old("Dense", units=2), "d", [["x", 0, 0, {}]])
    for raw, inner in ((sequential(layer), layer), (functional(call, outputs=[["d", 0, 0]]), call)):
        other = json.loads(json.dumps(raw))
        other["config"]["layers"][-1] = encoded(inner)
        assert other != raw
        assert parse_document(other) == parse_document(raw)


TWICE = old("Dense", units=2) | {"name": "dense", "inbound_nodes": [[["x", 0, 0, {}]]]}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a class that is no name": (sequential(old("Dense", units=2) | {"class_name": {}}), f"{LAYERS}/0/class_name"),
    "a name twice": (functional(TWICE, TWICE, outputs=[["dense", 0, 0]]), f"{LAYERS}/2/name"),
    "code": (sequential(old("Dense", units=2), old("Lambda", function=["4wEA", None, None])), f"{LAYERS}/1/class_name"),
    "gone": (sequential(old("LocallyConnected2D", filters=2)), f"{LAYERS}/0/class_name"),
    "user's class": (
        sequential(old("Dense", units=2) | {"registered_name": "mine>Dense"}),
        f"{LAYERS}/0/registered_name",
    ),
    "vocabulary elsewhere": (
        sequential(old("IntegerLookup", vocabulary=None, has_input_vocabulary=True)), f"{LAYERS}/0",
    ),
    "argument in effect": (sequential(old("LSTM", units=2, time_major=True)), f"{LAYERS}/0/config/time_major"),
    "argument of Keras 1": (
        {"class_name": "Sequential", "keras_version": "1.1.0", "config": [old("Dense", output_dim=0)]},
        "/config/0/config/output_dim",
    ),
    "layout of Theano": (
        {"class_name": "Sequential", "keras_version": "1.1.0",
         "config": [old("Convolution2D", nb_filter=2, nb_row=3, nb_col=3, dim_ordering="th")]},
        "/config/0/config/dim_ordering",
    ),
    "masks": (
        masked(node(old("Add"), "sum", [["masked", 0, 0, {}], ["plain", 0, 0, {}]]), last="sum"),
        f"{LAYERS}/3",
    ),
    "mask through an identity": (
        masked(node(old("Rescaling", scale=2.0), "r", [["masked", 0, 0, {}]]), last="r"),
        f"{LAYERS}/3",
    ),
    "training mode": (
        functional(node(old("Dropout", rate=0.5), "d", [["x", 0, 0, {"training": True}]]), outputs=[["d", 0, 0]]),
        f"{LAYERS}/1/inbound_nodes/0/0/3/training",
    ),
    "convolution of Theano": (
        sequential(old("Conv1D", filters=2, kernel_size=3)) | {"backend": "theano"},
        "/backend",
    ),
    "random crop of another version": (
        sequential(old("RandomCrop", height=2, width=2), version="2.7.0"),
        "/keras_version",
    ),
    "model of code": ({"class_name": "Mine", "keras_version": "2.9.0", "config": {"layers": []}}, "/class_name"),
    "constant in a layer": (
        functional(node(old("Dense", units=2), "d", [["_CONSTANT_VALUE", -1, 0]]), outputs=[["d", 0, 0]]),
        f"{LAYERS}/1/inbound_nodes/0/0/0",
    ),
    "tensor as a slice": (
        operation("__operators__.getitem", ["x", 0, 0, {"slice_spec": ["x", 0, 0]}], "SlicingOpLambda"),
        f"{LAYERS}/1/inbound_nodes/0/3/slice_spec",
    ),
    "norm of the batch": (operation("math.l2_normalize", ["x", 0, 0, {"axis": None}]), f"{LAYERS}/1/inbound_nodes/0"),
    "list of tensors": (
        operation("math.add", [["x", 0, 0, {}], ["x", 0, 0, {"y": ["x", 0, 0]}]]),
        f"{LAYERS}/1/inbound_nodes/0",
    ),
    "operand of a function": (
        operation("math.add", ["x", 0, 0, {"y": ["y", 0, 0]}]),
        f"{LAYERS}/1/inbound_nodes/0/3/y",
    ),
    "function whose operands Keras 2 leaves out": (
        operation("einsum", ["_CONSTANT_VALUE", -1, "bi,bi->b", {}]), f"{LAYERS}/1/config/function",
    ),
    "another alignment": (
        operation("compat.v1.image.resize_bilinear", ["x", 0, 0, {"size": [2, 2]}]), f"{LAYERS}/1/config/function",
    ),
    "perhaps another dtype": (
        functional(
            node(old("TFOpLambda", function="cast"), "c", ["x", 0, 0, {"dtype": "float16"}]),
            node(old("TFOpLambda", function="image.resize"), "op", ["c", 0, 0, {"size": [2, 2]}]),
            outputs=[["op", 0, 0]],
        ),
        f"{LAYERS}/2/config/function",
    ),
    "pool over channels": (
        operation("nn.max_pool2d", ["x", 0, 0, {"ksize": [1, 1, 1, 2], "strides": 1, "padding": "VALID"}]),
        f"{LAYERS}/1/inbound_nodes/0",
    ),
    "layout of a pool": (
        operation("nn.max_pool2d", ["x", 0, 0, {"ksize": 2, "strides": 1, "padding": "VALID", "data_format": "NCHW"}]),
        f"{LAYERS}/1/inbound_nodes/0/3/data_format",
    ),
    "number of tensors": (operation("unstack", ["x", 0, 0, {"axis": 1}]), f"{LAYERS}/1/config/num"),
    "argument of a function": (
        operation("linalg.matmul", ["x", 0, 0, {"b": ["x", 0, 0], "transpose_b": True}]),
        f"{LAYERS}/1/inbound_nodes/0/3/transpose_b",
    ),
    "no layer": (
        functional(node(old("Dense", units=2), "d", [["y", 0, 0, {}]]), outputs=[["d", 0, 0]]),
        f"{LAYERS}/1/inbound_nodes/0/0/0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_the_writer(name: str) -> None:
    """The error names the version once, and points to the part in question."""
    raw, pointer = REFUSED[name]
    with pytest.raises(InvalidDocument) as refused:
        parse_document(raw)
    assert refused.value.detail.startswith("This was written by Keras ")
    assert refused.value.problems[0].pointer == pointer


@pytest.mark.parametrize(("size", "shape"), [((3, 5), (8, 8, 3)), ((9, 4), (5, 7, 3)), ((1, 9), (9, 30, 2))])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_random_crop_has_the_bits_of_keras_2(size: tuple[int, int], shape: tuple[int, ...], dtype: str) -> None:
    """At inference it crops the middle to the ratio of the sides, and resizes; Keras 3 does neither."""
    source = tf_keras.Input(shape, dtype=dtype)
    model = tf_keras.Model(source, tf_keras.layers.RandomCrop(*size, seed=1)(source))
    picture = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype(dtype)
    made = build(expand(parse_document(model.to_json())), 2**20)
    (found,) = made.compiled_selection(made.network.outputs, False, False).run([picture])
    np.testing.assert_array_equal(np.asarray(found), np.array(model(picture, training=False)), strict=True)
