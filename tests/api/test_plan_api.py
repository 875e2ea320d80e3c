"""`POST /v1/plan`: figures computed by hand or by Keras, for any batch, without allocation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import pytest

if TYPE_CHECKING:
    from tests.conftest import Server

DOCUMENT: dict[str, Any] = {
    "name": "by hand",
    "input": [32, 32, 3],
    "layers": [
        {"type": "Conv2D", "filters": 16, "kernel_size": 5, "strides": 2, "padding": "same", "activation": "relu"},
        {"type": "BatchNormalization"},
        {"type": "MaxPooling2D"},
        {"type": "Conv2D", "filters": 4, "kernel_size": 3, "dilation_rate": 2},
        {"type": "Flatten"},
        {"type": "Dense", "units": 10},
    ],
}


def field(size: int, stride: int, offset: int) -> dict[str, Any]:
    """Build a square receptive field."""
    return {"input": "input", "size": [size] * 2, "stride": [stride] * 2, "offset": [offset] * 2}


BATCH = 2
PLAN: dict[str, Any] = {
    "inputs": {"input": {"shape": [2, 32, 32, 3], "dtype": "float32", "bytes": 2 * 32 * 32 * 3 * 4}},
    "layers": [
        # SAME at stride 2: 15 * 2 + 5 - 32 = 3 rows of padding, 1 of them at the top
        {"address": "conv2d", "type": "Conv2D", "inputs": ["input"],
         "shape": [2, 16, 16, 16], "dtype": "float32",
         "bytes": 2 * 16 * 16 * 16 * 4, "parameters": 5 * 5 * 3 * 16 + 16, "trainable_parameters": 1216,
         "non_trainable_parameters": 0, "macs": BATCH * 16 * 16 * 16 * 5 * 5 * 3, "inner_bytes": 2 * 16 * 16 * 16 * 4,
         "receptive_field": field(5, 2, -1)},
        {"address": "batch_normalization", "type": "BatchNormalization", "inputs": ["conv2d"],
         "shape": [2, 16, 16, 16],
         "dtype": "float32", "bytes": 2 * 16 * 16 * 16 * 4, "parameters": 64, "trainable_parameters": 32,
         "non_trainable_parameters": 32, "macs": 0, "inner_bytes": 2 * 16 * 16 * 16 * 4,
         "receptive_field": field(5, 2, -1)},
        {"address": "max_pooling2d", "type": "MaxPooling2D", "inputs": ["batch_normalization"],
         "shape": [2, 8, 8, 16], "dtype": "float32",
         "bytes": 2 * 8 * 8 * 16 * 4, "parameters": 0, "trainable_parameters": 0, "non_trainable_parameters": 0,
         "macs": 0, "inner_bytes": 2 * 16 * 16 * 16 * 4,
         "receptive_field": field(5 + 2, 4, -1)},
        {"address": "conv2d_1", "type": "Conv2D", "inputs": ["max_pooling2d"],
         "shape": [2, 4, 4, 4], "dtype": "float32", "bytes": 2 * 4 * 4 * 4 * 4,
         "parameters": 3 * 3 * 16 * 4 + 4, "trainable_parameters": 580, "non_trainable_parameters": 0,
         "macs": BATCH * 4 * 4 * 4 * 3 * 3 * 16, "inner_bytes": 4 * (2 * 4 * 4 * 4 + 2 * 8 * 8 * (16 + 4)),
         "receptive_field": field(7 + 2 * 2 * 4, 4, -1)},
        {"address": "flatten", "type": "Flatten", "inputs": ["conv2d_1"],
         "shape": [2, 64], "dtype": "float32", "bytes": 2 * 64 * 4,
         "parameters": 0, "trainable_parameters": 0, "non_trainable_parameters": 0, "macs": 0,
         "inner_bytes": 2 * 64 * 4,
         "receptive_field": None},
        {"address": "dense", "type": "Dense", "inputs": ["flatten"],
         "shape": [2, 10], "dtype": "float32", "bytes": 2 * 10 * 4,
         "parameters": 650, "trainable_parameters": 650, "non_trainable_parameters": 0, "macs": BATCH * 64 * 10,
         "inner_bytes": 2 * 10 * 4,
         "receptive_field": None},
    ],
    "reply_bytes": 4 * (2 * 8192 + 2 * 1024 + 2 * 64) + 4 * (2 * 64 + 2 * 10),
    "weight_bytes": 4 * 2510,
    "run_macs": BATCH * (307_200 + 9216 + 640),
    "totals": {
        "layers": 6,
        "input_bytes": 24_576,
        "bytes": 4 * (2 * 8192 + 2 * 1024 + 2 * 64) + 4 * (2 * 64 + 2 * 10),
        "parameters": 1216 + 64 + 580 + 650,
        "trainable_parameters": 2478,
        "non_trainable_parameters": 32,
        "parameter_bytes": 4 * 2510,
        "macs": BATCH * (307_200 + 9216 + 640),
        "working_bytes": 24_576 + 4 * (2 * 8192 + 2 * 1024 + 2 * 64) + 4 * (2 * 64 + 2 * 10) + 4 * 2 * 16 * 16 * 16,
    },
}  # fmt: skip


OF_WEIGHTS = ("parameter_bytes", "weight_bytes")
"""Bytes that no batch changes."""


def plan_of(server: Server, model: Any, **options: Any) -> dict[str, Any]:
    """Return a plan without the model's id and without time estimates, which depend on the machine."""
    plan = server.plan(model, **options)
    assert plan["model"].pop("id").startswith("sha256:")
    for row in (*plan["layers"], plan["totals"]):
        del row["seconds"]
    del plan["totals"]["build_seconds"]
    return plan


def with_free_batch(tree: Any) -> Any:
    """Return a plan for an unknown batch: null wherever a figure depends on it."""
    if isinstance(tree, list):
        return [with_free_batch(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    known = {
        key: [None, *value[1:]] if key == "shape" else None if key.endswith("bytes") and key not in OF_WEIGHTS else
        with_free_batch(value) for key, value in tree.items()
    }  # fmt: skip
    unknown = {key: 0 if tree[key] == 0 else None for key in ("macs", "run_macs") if key in tree}
    return known | unknown


def test_figures_match_hand_computed_ones(server: Server) -> None:
    """Shapes, bytes, parameters, multiply-adds and receptive fields of a batch of two."""
    head = {"name": "by hand", "parameters": 2510, "outputs": ["dense"]}
    assert plan_of(server, DOCUMENT, batch=BATCH) == {"model": head, **PLAN}


def test_an_unknown_batch_leaves_figures_null(server: Server) -> None:
    """`"batch": null` affects only the figures that depend on it."""
    plan = plan_of(server, DOCUMENT, batch=None)
    assert plan == {"model": {"name": "by hand", "parameters": 2510, "outputs": ["dense"]}, **with_free_batch(PLAN)}
    assert server.plan(DOCUMENT, batch=None)["totals"]["seconds"] is None


def test_the_default_batch_is_one(server: Server) -> None:
    """Activation sizes scale with the batch, parameters do not."""
    one, many = server.plan(DOCUMENT), server.plan(DOCUMENT, batch=64)
    assert one == server.plan(DOCUMENT, batch=1)
    assert 0 < one["totals"]["seconds"] < many["totals"]["seconds"]
    for key in ("input_bytes", "bytes", "macs"):
        assert many["totals"][key] == 64 * one["totals"][key]
    assert many["totals"]["parameters"] == one["totals"]["parameters"]


def test_a_plan_matches_the_run(server: Server) -> None:
    """In id, shapes and sizes."""
    plan = server.plan(DOCUMENT)
    run = server.run(DOCUMENT, [[[0.5] * 3] * 32] * 32, data="base64")
    assert (run["model"]["id"], run["model"]["parameters"]) == (plan["model"]["id"], 2510)
    keys = ("address", "type", "shape", "dtype", "parameters")
    assert [[row[key] for key in keys] for row in run["layers"]] == [[row[key] for key in keys]
                                                                   for row in plan["layers"]]  # fmt: skip


def test_selectors_choose_and_order_the_layers(server: Server) -> None:
    """The totals remain those of the whole network."""
    plan = plan_of(server, DOCUMENT, batch=BATCH, layers=["type:Dense", "conv2d:pre", "input", "conv*"])
    rows = {layer["address"]: layer for layer in PLAN["layers"]}
    figures = ("parameters", "trainable_parameters", "non_trainable_parameters", "macs", "inner_bytes")
    nothing = dict.fromkeys(figures, 0)
    source = {"address": "input", "type": "InputLayer", "inputs": [], **PLAN["inputs"]["input"], **nothing,
              "receptive_field": field(1, 1, 0)}  # fmt: skip
    before = rows["conv2d"] | {"address": "conv2d:pre"}
    assert plan["layers"] == [rows["dense"], before, source, rows["conv2d"], rows["conv2d_1"]]
    assert plan["totals"] == PLAN["totals"]
    assert plan_of(server, DOCUMENT, batch=BATCH, layers="dense,flatten")["layers"] == [rows["dense"], rows["flatten"]]


def test_options_in_the_query(server: Server) -> None:
    """They have the same names as in the body; null in the body selects the default."""
    reply = server.post("/v1/plan", params={"batch": "2", "layers": "dense"}, json={"model": DOCUMENT})
    assert reply.json() == server.plan(DOCUMENT, batch=2, layers=["dense"])
    assert server.plan(DOCUMENT, layers=None) == server.plan(DOCUMENT)


LAYERS: list[tuple[dict[str, Any], list[int | None]]] = [
    ({"type": "Conv1D", "filters": 5, "kernel_size": 3, "padding": "causal", "strides": 2}, [17, 4]),
    ({"type": "Conv3D", "filters": 2, "kernel_size": [1, 2, 3], "use_bias": False}, [5, 6, 7, 3]),
    ({"type": "Conv2DTranspose", "filters": 3, "kernel_size": 4, "strides": 3, "padding": "same"}, [5, 7, 2]),
    ({"type": "SeparableConv2D", "filters": 8, "kernel_size": 3, "depth_multiplier": 2}, [9, 9, 4]),
    ({"type": "DepthwiseConv2D", "kernel_size": 3, "depth_multiplier": 2}, [9, 9, 4]),
    ({"type": "Conv2D", "filters": 8, "kernel_size": 3, "groups": 4}, [None, None, 4]),
    ({"type": "LSTM", "units": 6, "return_sequences": True}, [None, 3]),
    ({"type": "GRU", "units": 6}, [11, 3]),
    ({"type": "SimpleRNN", "units": 6, "use_bias": False}, [11, 3]),
    ({"type": "ConvLSTM2D", "filters": 3, "kernel_size": 2}, [4, 8, 8, 2]),
    ({"type": "GroupNormalization", "groups": 2}, [8, 4]),
    ({"type": "LayerNormalization"}, [8, 4]),
    ({"type": "PReLU", "shared_axes": [1]}, [8, 4]),
    ({"type": "ZeroPadding2D", "padding": [[1, 2], [3, 4]]}, [8, 8, 1]),
    ({"type": "EinsumDense", "equation": "abc,cd->abd", "output_shape": [8, 5], "bias_axes": "d"}, [8, 4]),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: value["type"] if isinstance(value, dict) else "")
def test_shapes_and_parameters_match_keras(server: Server, layer: dict[str, Any], shape: list[int | None]) -> None:
    """As inferred by Keras for the same arguments and input."""
    theirs = getattr(keras.layers, layer["type"])(**{key: value for key, value in layer.items() if key != "type"})
    output = theirs(keras.Input(shape))
    (ours,) = server.plan({"input": shape, "layers": [layer]}, batch=None)["layers"]
    assert tuple(ours["shape"]) == output.shape
    assert ours["parameters"] == theirs.count_params()
    trainable = sum(int(weight.numpy().size) for weight in theirs.trainable_weights)
    assert (ours["trainable_parameters"], ours["parameters"] - trainable) == (
        trainable, ours["non_trainable_parameters"],
    )  # fmt: skip


MACS: list[tuple[dict[str, Any], list[int], int]] = [
    ({"type": "Dense", "units": 7}, [3, 5], 3 * 5 * 7),
    ({"type": "Conv1D", "filters": 4, "kernel_size": 3}, [10, 2], 8 * 4 * 3 * 2),
    ({"type": "Conv2D", "filters": 8, "kernel_size": 3, "groups": 2}, [5, 5, 4], 3 * 3 * 8 * 9 * 2),
    ({"type": "DepthwiseConv2D", "kernel_size": 3, "depth_multiplier": 2}, [5, 5, 4], 3 * 3 * 8 * 9),
    ({"type": "SeparableConv2D", "filters": 6, "kernel_size": 3}, [5, 5, 4], 3 * 3 * 4 * 9 + 3 * 3 * 4 * 6),
    ({"type": "Conv2DTranspose", "filters": 3, "kernel_size": 2, "strides": 2}, [4, 4, 5], 4 * 4 * 5 * 3 * 4),
    ({"type": "Flatten"}, [4, 4, 5], 0),
]


@pytest.mark.parametrize(
    ("layer", "shape", "macs"), MACS, ids=lambda value: value["type"] if isinstance(value, dict) else ""
)
def test_multiply_adds_match_hand_computed_ones(
    server: Server, layer: dict[str, Any], shape: list[int], macs: int
) -> None:
    """They scale with the batch."""
    plan = server.plan({"input": shape, "layers": [layer]}, batch=3)
    assert (plan["layers"][0]["macs"], plan["totals"]["macs"]) == (3 * macs, 3 * macs)


def test_receptive_field_of_merged_branches(server: Server) -> None:
    """It is the union of those of the branches: 3 and 5 wide about one center give 5."""
    model = {
        "input": [9, 9, 1],
        "layers": [
            {"type": "Conv2D", "filters": 1, "kernel_size": 3, "padding": "same", "name": "a", "inputs": ["input"]},
            {"type": "Conv2D", "filters": 1, "kernel_size": 5, "padding": "same", "name": "b", "inputs": ["input"]},
            {"type": "Add", "inputs": ["a", "b"]},
        ],
    }
    fields = [row["receptive_field"] for row in server.plan(model)["layers"]]
    assert fields == [field(3, 1, -1), field(5, 1, -2), field(5, 1, -2)]


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def test_planning_a_trillion_parameters_allocates_nothing(server: Server) -> None:
    """Running the model is rejected with both sizes."""
    side = 2**20
    model = {"input": [side], "layers": [{"type": "Dense", "units": side}, {"type": "Dense", "units": side}]}
    server.plan({"input": [2], "layers": [{"type": "Dense", "units": 1}]})
    before = resident_mib(server.engine_pid())
    plan = server.plan(model)
    assert resident_mib(server.engine_pid()) - before < 20
    assert plan["totals"]["parameters"] == 2 * (side * side + side) > 2e12
    assert plan["totals"]["parameter_bytes"] == 4 * plan["totals"]["parameters"]
    assert plan["totals"]["macs"] == 2 * side * side
    inputs = {"shape": [side], "dtype": "uint8", "base64": "AAAA" * (side // 3) + "AA=="}
    reply = server.post("/v1/activations", json={"model": model, "inputs": inputs})
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")
    assert f"{4 * plan['totals']['parameters']:,} bytes" in reply.json()["errors"][0]["received"]
    assert resident_mib(server.engine_pid()) - before < 100


@pytest.mark.parametrize(("body", "pointer", "received"), [
    ({"batch": 0}, "/batch", "0"),
    ({"batch": 2**20 + 1}, "/batch", "1048577"),
    ({"batch": 1.5}, "/batch", "1.5"),
    ({"batch": True}, "/batch", "true"),
    ({"batch": "many"}, "/batch", '"many"'),
    ({"layers": []}, "/layers", "[]"),
    ({"layers": ["dense", ""]}, "/layers/1", '""'),
    ({"layers": ["dense", "flaten"]}, "/layers/1", '"flaten"'),
    ({"bacth": 2}, "/bacth", '"bacth"'),
    ({"model": None}, "/model", "nothing"),
    ({"model": [{"type": "Dense", "units": 2}]}, "/model/input", "nothing"),
    ({"model": {"input": [2], "layers": [{"type": "Dense", "units": 0}]}}, "/model/layers/0/units", "0"),
])  # fmt: skip
def test_invalid_options_are_rejected(server: Server, body: dict[str, Any], pointer: str, received: str) -> None:
    """The problem contains the pointer and the received value."""
    reply = server.post("/v1/plan", json={"model": DOCUMENT, **body})
    (problem,) = reply.json()["errors"]
    assert reply.status_code == 422
    assert (problem["pointer"], problem["received"]) == (pointer, received)
    assert problem["expected"]


def test_a_duplicate_option_is_rejected(server: Server) -> None:
    """In the query and in the body."""
    reply = server.post("/v1/plan", params={"batch": 2}, json={"model": DOCUMENT, "batch": 3})
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "/batch")
