"""Dtypes as computed by Keras: for inputs that it does not cast, and for layers with an explicit dtype."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras
import ml_dtypes  # noqa: F401  (registers bfloat16 with NumPy)
import numpy as np
import pytest
import tensorflow as tf

from models.engine import output_dtypes
from models.engine.build import build
from models.engine.layers import create_layer, derived_seed
from models.engine.shaping import declared_shapes, shape_network
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.weights import named_weights
from models.errors import InvalidDocument, Problem
from models.layers import LAYERS
from models.layers.layer import Layer
from models.lru_cache import LruCache
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document

Array = np.ndarray[Any, Any]
ENOUGH = 1 << 30
RECURRENT = [
    ({"type": "LSTM", "units": 3}, [4, 2]), ({"type": "GRU", "units": 3}, [4, 2]),
    ({"type": "SimpleRNN", "units": 3}, [4, 2]), ({"type": "ConvLSTM1D", "filters": 2, "kernel_size": 2}, [3, 4, 1]),
]  # fmt: skip


def network(layers: list[dict[str, Any]], shape: Any, dtype: str = "float32") -> Network:
    """Build a network of layers on one input, `x`."""
    return expand(parse_document({"input": {"x": {"shape": shape, "dtype": dtype}}, "layers": layers}))


def shape_layer(layer: dict[str, Any], shape: Any = (4,), dtype: str = "float32") -> SymbolicNetwork:
    """Shape one layer on one input with a free batch."""
    made = network([layer], list(shape), dtype)
    return shape_network(made, declared_shapes(made))


def refusal(layer: dict[str, Any], shape: Any = (4,), dtype: str = "float32") -> Problem:
    """Return its only problem."""
    with pytest.raises(InvalidDocument) as refused:
        shape_layer(layer, shape, dtype)
    (problem,) = refused.value.problems
    return problem


def keras_result(cls: type[Layer], inputs: list[Array]) -> Any:
    """Call the Keras layer in a traced function, as a model does; return dtypes and shapes, None if it fails."""
    layer = cls.model_validate(cls.example.arguments)
    made = create_layer(layer, "l0", lambda field: derived_seed(0, "l0", field))

    inference = {"training": False} if "training" in inspect.signature(made.call).parameters else {}

    def called(*tensors: Any) -> Any:
        arguments = {"positional": tensors, "list": [list(tensors)], "one": tensors[:1]}[layer.inputs_as]
        return made(*arguments, **layer.call_arguments(), **inference)

    try:
        found = keras.tree.flatten(tf.function(called, autograph=False)(*map(tf.constant, inputs)))
    except Exception:  # any exception counts
        return None
    return [(keras.backend.standardize_dtype(one.dtype), tuple(one.shape)) for one in found]


def planned_result(cls: type[Layer], dtype: str, batch: int) -> Any:
    """Return the plan for the same call, None if it is rejected."""
    names = [f"x{number}" for number in range(len(cls.example.shapes))]
    inputs = {
        name: {"shape": list(shape), "dtype": dtype} for name, shape in zip(names, cls.example.shapes, strict=True)
    }
    layer = {"type": cls.type_name(), **cls.example.arguments, "inputs": names}
    made = expand(parse_document({"input": inputs, "layers": [layer]}))
    try:
        found = shape_network(made, declared_shapes(made)).on_batch(batch)
    except InvalidDocument:
        return None
    (node,) = made.nodes
    return [(found.dtype(address), found.shape(address)) for address in node.outputs]


def differences(dtype: str) -> Iterator[str]:
    """Yield the types whose plan differs from Keras for inputs of a dtype."""
    random = np.random.default_rng(0)
    for cls in LAYERS:
        inputs = [random.integers(0, 2, (2, *shape)).astype(dtype) for shape in cls.example.shapes]
        planned, given = planned_result(cls, dtype, 2), keras_result(cls, inputs)
        if planned != given:
            yield f"{cls.type_name()}: planned {planned}, Keras gives {given}"


def test_plans_of_integer_inputs_match_keras() -> None:
    """Or both reject them; the dtype that Keras announces is often another."""
    assert list(differences("int32")) == []


@pytest.mark.parametrize(
    ("layer", "dtype", "computed"),
    [
        ({"type": "ReLU"}, "int32", "int32"),
        ({"type": "ReLU"}, "uint8", "uint8"),
        ({"type": "Dropout", "rate": 0.5}, "bool", "bool"),
        ({"type": "RepeatVector", "n": 2}, "int64", "int64"),
        ({"type": "Average", "inputs": ["x", "x"]}, "int32", "float64"),
        ({"type": "Dense", "units": 2}, "int32", "float32"),
        ({"type": "Dense", "units": 2, "dtype": "mixed_bfloat16"}, "int32", "bfloat16"),
        ({"type": "ops.divide", "x2": 2}, "int8", "float32"),
        ({"type": "ReLU"}, "float64", "float32"),
    ],
)
def test_the_dtype_is_what_keras_computes(layer: dict[str, Any], dtype: str, computed: str) -> None:
    """Floats are cast to the dtype of the layer; integers and booleans are not."""
    made = shape_layer(layer, dtype=dtype)
    assert made.dtype(made.network.nodes[0].address) == computed


def test_integer_dtypes_propagate_through_layers() -> None:
    """Each layer is evaluated with the dtype of its predecessor."""
    made = network([{"type": "ReLU"}, {"type": "Reshape", "target_shape": [2, 2]}, {"type": "Flatten"}], [4], "int32")
    found = shape_network(made, declared_shapes(made))
    assert [found.dtype(node.address) for node in made.nodes] == ["int32", "int32", "int32"]


@pytest.mark.parametrize(
    ("layer", "shape", "pointer"),
    [
        ({"type": "Dense", "units": 2, "dtype": "int32"}, [4], "/layers/0/dtype"),
        ({"type": "Dense", "units": 3, "dtype": "bool"}, [4], "/layers/0/dtype"),
        ({"type": "Embedding", "input_dim": 3, "output_dim": 2, "dtype": "uint8"}, [4], "/layers/0/dtype"),
        ({"type": "LSTM", "units": 3, "dtype": "int64"}, [4, 2], "/layers/0/dtype"),
        ({"type": "STFTSpectrogram", "dtype": "bfloat16"}, [512, 1], "/layers/0/dtype"),
        ({"type": "CategoryEncoding", "num_tokens": 3, "dtype": "float16"}, [4], "/layers/0/dtype"),
        ({"type": "Hashing", "num_bins": 3, "dtype": "float32"}, [4], "/layers/0/dtype"),
        ({"type": "MaxPooling3D", "dtype": "float16"}, [4, 4, 4, 1], "/layers/0/dtype"),
        ({"type": "ops.cast", "dtype": "mixed_float16"}, [4], "/layers/0/dtype"),
        ({"type": "RNN", "cell": {"type": "GRUCell", "units": 2, "dtype": "int8"}}, [4, 2], "/layers/0/cell/dtype"),
    ],
)
def test_unsupported_dtypes_of_layers_are_rejected(layer: dict[str, Any], shape: Any, pointer: str) -> None:
    """Before the build: Keras fails when it draws the weights, or when it runs."""
    problem = refusal(layer, shape)
    assert problem.pointer == pointer
    assert "float32" in str(problem.expected)


def test_unsupported_dtypes_of_inputs_are_rejected() -> None:
    """For a layer that accepts floats."""
    problem = refusal({"type": "Softmax"}, dtype="int32")
    assert (problem.pointer, problem.received, problem.expected) == ("/layers/0", "int32 from x", "inputs in float32")
    assert "ops.cast" in str(problem.suggestion)


@pytest.mark.parametrize("layer", [
    {"type": "LSTM", "units": 1, "bias_initializer": "orthogonal"},
    {"type": "Dense", "units": 2, "bias_initializer": "identity"},
])  # fmt: skip
def test_unsupported_initializers_are_rejected(layer: dict[str, Any]) -> None:
    """Before the weights are drawn: matrix initializers cannot make biases."""
    assert refusal(layer, [4, 2]).pointer == "/layers/0"


def test_shapes_of_keyword_inputs_are_checked() -> None:
    """Keras announces the outputs of an LSTM for any initial state."""
    sequence = {"type": "LSTM", "units": 2, "keywords": {"initial_state": ["x", "x"]}}
    assert refusal(sequence, [4, 2]).pointer == "/layers/0/keywords/initial_state"


def test_missing_kernels_are_detected_without_running() -> None:
    """From TensorFlow's registry, and a list of kernels that are registered but fail."""
    tile = {"type": "ops.tile", "repeats": [1, 2]}
    pool = {"type": "AveragePooling3D", "pool_size": 2, "dtype": "float16"}
    first = {"type": "Conv2D", "filters": 2, "kernel_size": 2, "data_format": "channels_first"}
    assert "Tile in uint16" in refusal(tile, dtype="uint16").message
    assert shape_layer(tile, dtype="uint32").dtype("tile") == "uint32"
    assert "AvgPool3D in float16" in refusal(pool, [4, 4, 4, 1]).message
    if not tf.config.list_physical_devices("GPU"):
        assert "channels first on a GPU alone" in refusal(first, [1, 4, 4]).message


@pytest.mark.parametrize(("layer", "shape"), RECURRENT)
def test_recurrent_layers_run_in_bfloat16(layer: dict[str, Any], shape: list[int]) -> None:
    """TensorFlow draws no orthogonal matrices in bfloat16: they are drawn in float32 and cast."""
    x = np.random.default_rng(0).random((2, *shape), np.float32)
    full, half = (build(network([{**layer, "dtype": dtype}], shape), ENOUGH) for dtype in ("float32", "bfloat16"))
    (address,) = full.symbolic.layers
    of_full, of_half = (dict(named_weights(model.symbolic.layers[address])) for model in (full, half))
    name = next(name for name in of_full if "recurrent_kernel" in name)
    np.testing.assert_array_equal(of_half[name].value, keras.ops.cast(of_full[name].value, "bfloat16"))
    for name, variable in of_half.items():
        of_full[name].assign(variable.value)
    results = [model.compiled_selection([address], training=False, updates=False).run([x])[0] for model in (full, half)]
    assert results[1].dtype == "bfloat16"
    np.testing.assert_allclose(keras.ops.cast(results[1], "float32"), results[0], atol=0.02)


def test_traced_calls_are_cached() -> None:
    """Independent of the layer's name: a network is planned, registered and built, and its blocks repeat."""
    from models.engine import output_dtypes  # noqa: PLC0415 (to look inside)

    layer = {"type": "Multiply", "inputs": ["x", "x"]}
    shape_layer({**layer, "name": "one"}, [3, 7], "int16")
    known = len(output_dtypes._TRACED_DTYPES)
    shape_layer({**layer, "name": "other"}, [3, 7], "int16")
    assert len(output_dtypes._TRACED_DTYPES) == known


@pytest.mark.parametrize(
    ("mask", "units"), [([4, 3], 2), ([], 2), ([], 3)], ids=["of features", "of examples", "of examples, as many units"]
)
@pytest.mark.parametrize("before", [[], [{"type": "Dense", "units": 3}]], ids=["at once", "behind a layer"])
def test_masks_passed_through_blocks_are_checked(mask: list[int], units: int, before: list[dict[str, Any]]) -> None:
    """Keras announces shapes without checking masks, and fails at the run."""
    inner = [*before, {"type": "LSTM", "units": units}]
    block = {"type": "Block", "layers": inner, "inputs": ["x"], "keywords": {"mask": "k"}}
    document = {"input": {"x": [4, 3], "k": {"shape": mask, "dtype": "bool"}}, "layers": [block]}
    made = expand(parse_document(document))
    with pytest.raises(InvalidDocument, match="Keras refuses this LSTM"):
        shape_network(made, declared_shapes(made))


@pytest.mark.parametrize("window", ["hann", None])
def test_spectrograms_are_shaped_whatever_was_before(window: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their initializer needs its whole window, however little of the kernel is drawn to check it."""
    monkeypatch.setattr(output_dtypes, "_CHECKED_INITIALIZERS", LruCache(4))
    made = shape_layer({"type": "STFTSpectrogram", "frame_length": 128, "window": window}, [512, 1])
    assert made.shape("stft_spectrogram") == (None, 7, 65)


def test_a_projection_back_has_the_dtype_of_its_own() -> None:
    """Keras announces that of the layer."""
    layer = {
        "type": "ReversibleEmbedding",
        "input_dim": 9,
        "output_dim": 4,
        "reverse": True,
        "reverse_dtype": "float16",
    }
    assert shape_layer(layer, (6, 4)).dtype("reversible_embedding") == "float16"
