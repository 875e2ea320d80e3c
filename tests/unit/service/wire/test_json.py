import base64
import json

import ml_dtypes
import numpy as np
import orjson
import pytest

from models.ipc.messages import LayerInfo, RunResult, TensorInfo
from models.tensors import DTYPES
from models.tensors.json_text import json_text
from service.responses.activations import ReplyContext, head_of
from service.wire.json import LayerEntry, activations_json, layer_pieces


def entry_of(array, weights=None, **info):
    """Build a layer called `conv2d` with `array` as its output, and named weights."""
    named = {} if weights is None else weights
    return LayerEntry(
        LayerInfo(
            info.pop("address", "conv2d"),
            "Conv2D",
            tensor_info("conv2d", array),
            30,
            weights=tuple(tensor_info(f"weights/conv2d/{name}", weight) for name, weight in named.items()),
            **info,
        ),
        array,
        None if weights is None else tuple(named.values()),
    )


def tensor_info(name, array):
    """Describe an array."""
    return TensorInfo(name, array.dtype.name, array.shape, array.nbytes)


def layer_text(entry, mode):
    """Serialize one layer."""
    return b"".join(layer_pieces(entry, mode))


def data_text(array):
    """Serialize `data`."""
    text = layer_text(entry_of(array), "nested").decode()
    return text.partition('"data":')[2].removesuffix("}")


def test_a_reply_has_the_members_of_the_contract():
    """Key by key and in order."""
    entry = entry_of(
        np.float32([[1, 2]]), {"kernel": np.float32([[0.5]]), "bias": np.float32([-0.0])}, stats={"min": 1.0, "nan": 0}
    )
    head = {"model": {"id": "sha256:0", "cached": True}, "inputs": {"input": {"shape": [1]}}, "timing": {"run_ms": 0.4}}
    assert activations_json(head, [entry], "nested") == (
        b'{"model":{"id":"sha256:0","cached":true},"inputs":{"input":{"shape":[1]}},'
        b'"layers":[{"address":"conv2d","type":"Conv2D","shape":[1,2],"dtype":"float32","parameters":30,'
        b'"stats":{"min":1.0,"nan":0},"data":[[1.0,2.0]],'
        b'"weights":[{"name":"kernel","shape":[1,1],"dtype":"float32","data":[[0.5]]},'
        b'{"name":"bias","shape":[1],"dtype":"float32","data":[-0.0]}]}],'
        b'"timing":{"run_ms":0.4}}'
    )


def test_base64_replaces_data():
    """With shape and dtype, for weights too."""
    array = np.arange(3, dtype=np.float32)
    layer = json.loads(layer_text(entry_of(array, {"kernel": array[:1]}), "base64"))
    assert "data" not in layer
    assert layer["base64"] == base64.b64encode(array.tobytes()).decode()
    assert layer["weights"] == [{"name": "kernel", "shape": [1], "dtype": "float32", "base64": "AAAAAA=="}]


def test_without_data_only_shapes_are_written():
    """No `data` or `base64`."""
    assert layer_text(entry_of(np.zeros((1, 2), np.float32), {}), "none") == (
        b'{"address":"conv2d","type":"Conv2D","shape":[1,2],"dtype":"float32","parameters":30,"weights":[]}'
    )


def test_weights_alone_have_no_output_shape():
    """The weights route runs nothing."""
    info = LayerInfo("dense", "Dense", None, 1, None, (TensorInfo("weights/dense/bias", "float32", (1,), 4),))
    assert layer_text(LayerEntry(info, None, (np.float32([2]),)), "nested") == (
        b'{"address":"dense","type":"Dense","parameters":1,'
        b'"weights":[{"name":"bias","shape":[1],"dtype":"float32","data":[2.0]}]}'
    )


@pytest.mark.parametrize("address", ["conv2d@1", "conv2d#1", "conv2d:pre", "conv2d@1:pre"])
def test_weights_have_the_same_names_for_every_address(address):
    """The second call of a shared layer has the same weights."""
    layer = json.loads(layer_text(entry_of(np.zeros(1), {"cell/kernel": np.zeros(1)}, address=address), "none"))
    assert [weight["name"] for weight in layer["weights"]] == ["cell/kernel"]


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.float32(0.1), "0.1"),
        (np.float32(np.nan), '"NaN"'),
        (np.float64(-np.inf), '"-Infinity"'),
        (np.uint8(7), "7"),
        (np.bool_(True), "true"),
        (np.float32([np.nan, 1, np.inf, -np.inf]), '["NaN",1.0,"Infinity","-Infinity"]'),
        (np.float32([[[1, np.nan]], [[np.inf, 2]]]), '[[[1.0,"NaN"]],[["Infinity",2.0]]]'),
        (np.array([np.nan, 0.5], ml_dtypes.bfloat16), '["NaN",0.5]'),
        (np.float16([-np.inf, 65504]), '["-Infinity",65504.0]'),
        (np.zeros((2, 0), np.float32), "[[],[]]"),
        (np.zeros((0, 3), np.int32), "[]"),
        (np.float32([-0.0, 1e-45]), "[-0.0,1e-45]"),
        (np.float32([3.4e38, 3.4e38]), "[3.4e+38,3.4e+38]"),
        (np.uint64([2**64 - 1]), "[18446744073709551615]"),
        (np.int64([-(2**63)]), "[-9223372036854775808]"),
        (np.array([True, False]), "[true,false]"),
        (np.arange(6, dtype=np.int8).reshape(2, 3).T, "[[0,3],[1,4],[2,5]]"),
        (np.arange(2, dtype=">f4"), "[0.0,1.0]"),
    ],
)
def test_values_are_numbers_or_strings(array, text):
    """For any rank and memory order; never null."""
    assert data_text(np.asarray(array)) == text


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_text_round_trips_to_the_same_bits(name):
    """Every bit pattern of the 16-bit floats, and 100,000 random ones of the others."""
    dtype = DTYPES[name]
    bits = np.random.default_rng(0).integers(0, 256, 100_000 * dtype.itemsize, np.uint8)
    array = np.arange(2**16, dtype=np.uint16).view(dtype) if dtype.itemsize == 2 else bits.view(dtype)
    back = np.array([float(value) for value in json.loads(data_text(array))]).astype(dtype)
    with np.errstate(invalid="ignore"):  # some patterns are signaling NaN
        numbers = ~np.isnan(array)
    assert back[numbers].tobytes() == array[numbers].tobytes()
    assert np.isnan(back[~numbers]).all()


def test_nonfinite_statistics_are_strings():
    """Of layers and inputs; never null."""
    entry = entry_of(np.zeros(1), stats={"mean": float("nan"), "max": float("inf"), "edges": [np.float32("-inf"), 1.0]})
    ran = RunResult(1, (), {"a": {"min": float("nan")}}, 0, True, 0.0, 0.0, (), ())
    reported = ReplyContext("sha256:0", None, {"a": TensorInfo("a", "float32", (1,), 4)}, {}, 0.0)
    body = json.loads(activations_json(head_of(reported, ran), [entry], "none"))
    assert body["layers"][0]["stats"] == {"mean": "NaN", "max": "Infinity", "edges": ["-Infinity", 1.0]}
    assert body["inputs"]["a"]["stats"] == {"min": "NaN"}


@pytest.mark.parametrize("name", DTYPES)
def test_engine_and_front_write_the_same_text(name):
    """For every dtype and for scalars."""
    values = np.array([[0, 1, 2.5], [-0.0, np.nan, np.inf]] if "float" in name else [[0, 1, 0], [1, 1, 0]])
    for array in (values.astype(DTYPES[name]), values.astype(DTYPES[name])[0, 1]):
        entry = entry_of(np.asarray(array))
        text = LayerEntry(entry.info, orjson.Fragment(json_text(np.asarray(array))))
        assert activations_json({}, [text], "nested") == activations_json({}, [entry], "nested")
