"""Plans: the costs of a network before its build, and rejections because of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import pytest

from models.engine.admission import Bounds, admit, sent_bytes
from models.engine.plan import plan_report
from models.engine.shaping import declared_shapes, shape_network
from models.engine.symbolic_network import SymbolicNetwork
from models.errors import Problem, TooLarge
from models.networks.expansion import expand
from models.reading.parse import parse_document

CONV: dict[str, Any] = {"type": "Conv2D", "filters": 4, "kernel_size": 3, "padding": "same", "activation": "relu"}
POOL: dict[str, Any] = {"type": "MaxPooling2D"}
DENSE: dict[str, Any] = {"type": "Dense", "units": 10}
CNN = [CONV, {"type": "BatchNormalization"}, POOL, {"type": "Flatten"}, DENSE]
UNBOUNDED = 10**30


def shape_layers(
    *layers: Any, shape: Sequence[int | None] = (8, 8, 1), batch: int | None = 2, **fields: Any
) -> SymbolicNetwork:
    """Shape some layers on a batch."""
    network = expand(parse_document({"input": list(shape), "layers": list(layers), **fields}))
    shapes = declared_shapes(network)
    return shape_network(network, {name: (batch, *rest) for name, (_, *rest) in shapes.items()})


def rows(*layers: Any, **fields: Any) -> dict[str, dict[str, Any]]:
    """Plan every node, by address."""
    found = shape_layers(*layers, **fields)
    report = plan_report(found, [output for node in found.network.nodes for output in node.outputs])
    return {row["address"]: row for row in report["layers"]}


def totals(*layers: Any, **fields: Any) -> dict[str, Any]:
    """Return the totals of a plan."""
    found: dict[str, Any] = plan_report(shape_layers(*layers, **fields), [])["totals"]
    return found


def test_a_row_has_every_figure() -> None:
    """Computed by hand: 2·8·8·4 outputs, 4·(9 + 1) parameters, 9 multiply-adds per output."""
    assert rows(CONV)["conv2d"] == {
        "address": "conv2d",
        "type": "Conv2D",
        "inputs": ("input",),
        "shape": (2, 8, 8, 4),
        "dtype": "float32",
        "bytes": 2048,
        "parameters": 40,
        "trainable_parameters": 40,
        "non_trainable_parameters": 0,
        "macs": 512 * 9,
        "inner_bytes": 2048,
        "seconds": None,
        "receptive_field": {"input": "input", "size": [3, 3], "stride": [1, 1], "offset": [-1, -1]},
    }


def test_totals_cover_the_whole_network() -> None:
    """Independent of the selected layers."""
    assert totals(*CNN) == {
        "layers": 5,
        "input_bytes": 2 * 64 * 4,
        "bytes": 4 * 2 * (256 + 256 + 64 + 64 + 10),
        "parameters": 40 + 16 + 650,
        "trainable_parameters": 40 + 8 + 650,
        "non_trainable_parameters": 8,
        "parameter_bytes": 4 * 706,
        "macs": 2 * (256 * 9 + 640),
        "working_bytes": 4 * 2 * (64 + 650 + 256),
        "seconds": None,
        "build_seconds": None,
    }


def keras_models() -> list[keras.Model]:
    """Build nested models: trainable, and with the inner or the outer one frozen, in two ways each."""
    made = []
    for frozen in ("neither", "inner", "outer", "inner, made so", "outer, made so"):
        x, y = keras.Input((4,)), keras.Input((4,))
        layers = [keras.layers.Dense(3), keras.layers.BatchNormalization()]
        inner = keras.Model(y, layers[1](layers[0](y)), trainable=frozen != "inner, made so")
        outer = keras.Model(x, keras.layers.Dense(2)(inner(x)), trainable=frozen != "outer, made so")
        if frozen in ("inner", "outer"):
            {"inner": inner, "outer": outer}[frozen].trainable = False
        made.append(outer)
    return made


def test_layers_of_frozen_models_are_non_trainable() -> None:
    """As counted by Keras, whatever the layers' own flags."""
    for model in keras_models():
        found = expand(parse_document(model.to_json()))
        counted = plan_report(shape_network(found, declared_shapes(found)), [])["totals"]
        trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
        assert (counted["parameters"], counted["trainable_parameters"]) == (model.count_params(), trainable)


def test_parameters_match_keras() -> None:
    """Trainable and non-trainable ones."""
    reference = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, padding="same"), keras.layers.BatchNormalization(),
         keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(10)]
    )  # fmt: skip
    found = totals(*CNN)
    assert found["parameters"] == reference.count_params()
    assert found["non_trainable_parameters"] == sum(w.numpy().size for w in reference.non_trainable_weights)


def test_frozen_layers_have_no_trainable_parameters() -> None:
    """`trainable: false` counts them as non-trainable."""
    found = rows({**DENSE, "trainable": False}, shape=(4,))["dense"]
    assert (found["trainable_parameters"], found["non_trainable_parameters"]) == (0, 50)


def test_bytes_depend_on_the_dtype() -> None:
    """Half precision has half the bytes, also for weights."""
    half = {**DENSE, "dtype": "float16"}
    assert rows(half, shape=(4,))["dense"]["bytes"] == 2 * 10 * 2
    assert totals(half, shape=(4,))["parameter_bytes"] == 50 * 2


def test_a_free_batch_leaves_bytes_and_macs_null() -> None:
    """Parameters are known."""
    found = rows(CONV, batch=None)["conv2d"]
    assert (found["shape"], found["bytes"], found["macs"], found["parameters"]) == ((None, 8, 8, 4), None, None, 40)
    assert totals(CONV, batch=None)["bytes"] is None


def test_receptive_fields_grow_with_depth() -> None:
    """Convolution 3 and pooling 2, twice, then None for a layer that is not a sliding window."""
    found = rows(CONV, POOL, CONV, POOL, {"type": "Flatten"}, shape=(32, 32, 1))
    fields = {address: row["receptive_field"] for address, row in found.items()}
    assert fields["max_pooling2d"] == {"input": "input", "size": [4, 4], "stride": [2, 2], "offset": [-1, -1]}
    assert fields["conv2d_1"] == {"input": "input", "size": [8, 8], "stride": [2, 2], "offset": [-3, -3]}
    assert fields["max_pooling2d_1"] == {"input": "input", "size": [10, 10], "stride": [4, 4], "offset": [-3, -3]}
    assert fields["flatten"] is None


def test_receptive_fields_of_branches_are_united() -> None:
    """The sum of a small and a large window has the large one."""
    branches = [{**CONV, "name": "small"}, {**CONV, "name": "large", "kernel_size": 5, "inputs": ["input"]}]
    found = rows(*branches, {"type": "Add", "inputs": ["small", "large"]})
    assert found["add"]["receptive_field"] == {"input": "input", "size": [5, 5], "stride": [1, 1], "offset": [-2, -2]}


def test_blocks_are_not_counted_twice() -> None:
    """The row of a block has the parameters of its layers and no multiply-adds; totals count the layers only."""
    block = {"type": "Block", "name": "b", "layers": [CONV, {"type": "BatchNormalization"}]}
    found = rows(block)
    assert (found["b"]["type"], found["b"]["parameters"], found["b"]["macs"]) == ("Block", 56, 0)
    assert found["b"]["receptive_field"] == found["b/batch_normalization"]["receptive_field"]
    assert (totals(block)["layers"], totals(block)["parameters"]) == (2, 56)
    assert totals(block)["bytes"] == 2 * 2048


def test_shared_layers_count_parameters_once_and_macs_per_call() -> None:
    """Weights are shared, computation is not."""
    twice = {**DENSE, "name": "s", "calls": [["input"], ["input"]]}
    found = totals(twice, shape=(4,))
    assert (found["parameters"], found["macs"], found["layers"]) == (50, 2 * 2 * 40, 2)


def test_inputs_and_pre_activations_have_rows() -> None:
    """Everything that can be selected can be planned."""
    found = plan_report(shape_layers(CONV), ["input", "conv2d:pre"])
    assert [(row["address"], row["type"], row["shape"]) for row in found["layers"]] == [
        ("input", "InputLayer", (2, 8, 8, 1)),
        ("conv2d:pre", "Conv2D", (2, 8, 8, 4)),
    ]
    assert found["inputs"] == {"input": {"shape": (2, 8, 8, 1), "dtype": "float32", "bytes": 512}}


def test_rows_name_what_they_read() -> None:
    """Branches, blocks, whose rows read their results, and tensors read by keyword: the edges of a graph."""
    lstm = {"type": "LSTM", "units": 2, "inputs": ["a"], "keywords": {"mask": "m"}}
    found = rows(
        {"type": "Dense", "units": 4, "name": "a"},
        {"type": "Block", "name": "b", "layers": [{"type": "ReLU"}]},
        {"type": "ops.sum", "name": "s", "inputs": ["a"], "axis": -1},
        {"type": "ops.not_equal", "name": "m", "inputs": ["s"], "x2": 0},
        lstm,
        {"type": "Add", "inputs": ["a", "b"]},
        shape=(3, 4),
    )
    assert {address: row["inputs"] for address, row in found.items()} == {
        "a": ("input",), "b/re_lu": ("a",), "b": ("b/re_lu",), "s": ("a",), "m": ("s",), "lstm": ("a", "m"),
        "add": ("a", "b"),
    }  # fmt: skip


def refusal(found: SymbolicNetwork, outputs: list[str], **limits: int) -> Problem:
    """Return why a run is not admitted."""
    bounds = Bounds(UNBOUNDED, UNBOUNDED, UNBOUNDED)
    with pytest.raises(TooLarge) as refused:
        admit(found, sent_bytes(found, outputs, {}), replace(bounds, **limits))
    (only,) = refused.value.problems
    return only


def test_the_limits_are_inclusive() -> None:
    """For reply bytes, working memory and multiply-adds."""
    found = shape_layers(*CNN)
    working = 4 * 2 * (64 + 650 + 256)  # the input, the outputs, and the convolution before its bias is added
    admit(found, sent_bytes(found, ["conv2d", "dense"], {}), Bounds(2048 + 80, working, 2 * (256 * 9 + 640)))


def test_an_oversized_reply_suggests_fitting_layers() -> None:
    """The smallest layers first, listed in the order of the network."""
    outputs = ["conv2d", "max_pooling2d", "dense"]
    assert refusal(shape_layers(*CNN), outputs, sent=1000) == Problem(
        "/layers",
        "the activations asked for are over the limit",
        "at most 1,000 bytes",
        "2,640 bytes",
        "ask for fewer layers; these fit together: max_pooling2d, dense",
    )


def test_the_suggested_layers_are_admitted() -> None:
    """With the same limits."""
    found, outputs = shape_layers(*CNN), ["conv2d", "batch_normalization", "max_pooling2d", "flatten", "dense"]
    advice = str(refusal(found, outputs, sent=3000).suggestion)
    admit(found, sent_bytes(found, advice.rpartition(": ")[2].split(", "), {}), Bounds(3000, UNBOUNDED, UNBOUNDED))


def test_an_oversized_layer_suggests_a_fitting_batch() -> None:
    """Or a smaller input, if a batch of one is too large."""
    found = shape_layers(*CNN, batch=10)
    assert refusal(found, ["conv2d"], sent=3072).suggestion == "a batch of at most 3 would fit"
    assert refusal(found, ["conv2d"], sent=1000).suggestion == "use a smaller input or fewer filters"


def test_intermediate_tensors_count_as_working_memory() -> None:
    """Those that the selection needs, selected or not."""
    found = shape_layers(*CNN, batch=10)
    of_conv2d = 10 * 4 * (64 + 256 + 256)  # the input, the output, and the convolution before its bias is added
    assert refusal(found, ["dense"], working=of_conv2d) == Problem(
        "",
        "the activations to compute are over the limit",
        "at most 23,040 bytes",
        "38,800 bytes",
        "a batch of at most 5 would fit",
    )
    admit(found, {"conv2d": 0}, Bounds(UNBOUNDED, of_conv2d, UNBOUNDED))


def test_multiply_adds_are_limited() -> None:
    """Only those of layers that the selection needs count."""
    found = shape_layers(*CNN)
    assert refusal(found, ["dense"], macs=5000) == Problem(
        "", "the work is over its limit", "at most 5,000 multiply-adds", "5,888 multiply-adds"
    )
    admit(found, {"flatten": 0}, Bounds(UNBOUNDED, UNBOUNDED, 5000))
