"""First runs are executed layer by layer, later ones by a compiled function: the bits are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from models.engine.build import BuiltModel, build
from models.engine.tensorflow_setup import prepare
from models.layers import LAYERS
from models.layers.layer import Layer
from models.networks.expansion import expand
from models.reading.parse import parse_document
from service.routes.layers import example_document

prepare()
DIRECT = [cls for cls in LAYERS if cls.runs_directly]
CHAIN = [
    {"type": "Conv2D", "filters": 3, "kernel_size": 3, "padding": "same", "activation": "silu"},
    {"type": "BatchNormalization"},
    {"type": "ReLU"},
    {"type": "MaxPooling2D"},
    {"type": "Flatten"},
    {"type": "Dense", "units": 10, "activation": "softmax"},
]


def build_model(document: dict[str, Any]) -> BuiltModel:
    """Build a model of this document."""
    return build(expand(parse_document(document)), 2**34)


def first_three_runs(model: BuiltModel, batch: int, outputs: tuple[str, ...]) -> list[list[bytes]]:
    """Return the first three runs of a new selection: the first direct, the others compiled."""
    generator = np.random.default_rng(batch)
    shapes = [(batch, *[length or 5 for length in spec.shape]) for spec in model.network.inputs.values()]
    dtypes = [spec.dtype for spec in model.network.inputs.values()]
    inputs = [(4 * generator.standard_normal(shape)).astype(dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    model.compiled.clear()
    selection = model.compiled_selection(outputs, training=False, updates=False)
    assert not selection._compiled
    runs = [[tensor.numpy().tobytes() for tensor in selection.run(inputs)] for _ in range(3)]
    assert selection._compiled
    return runs


@pytest.mark.parametrize("cls", DIRECT, ids=lambda cls: cls.type_name())
def test_direct_and_compiled_layers_have_equal_bits(cls: type[Layer]) -> None:
    """Also for a batch of one, whose static shape Keras sees only when run directly."""
    model = build_model(example_document(cls))
    for batch in (1, 2, 5):
        direct, *compiled = first_three_runs(model, batch, model.network.layer_outputs)
        assert compiled == [direct, direct]


@pytest.mark.parametrize("outputs", [("dense",), ("conv2d:pre", "re_lu"), ("flatten", "max_pooling2d")])
def test_bits_do_not_depend_on_the_selected_layers(outputs: tuple[str, ...]) -> None:
    """Layers are not fused across unselected outputs."""
    model = build_model({"input": [28, 28, 1], "layers": CHAIN})
    every = (*model.network.layer_outputs, "conv2d:pre")
    known = dict(zip(every, first_three_runs(model, 1, every)[1], strict=True))
    for run in first_three_runs(model, 1, outputs):
        assert run == [known[address] for address in outputs]


def test_branches_have_equal_bits() -> None:
    """Tensors of equal shape are added without broadcasting."""
    layers = [{**CHAIN[0], "name": "a", "filters": 1}, {"type": "Add", "inputs": ["a", "input"]}]
    direct, *compiled = first_three_runs(build_model({"input": [28, 28, 1], "layers": layers}), 1, ("a", "add"))
    assert compiled == [direct, direct]


@pytest.mark.parametrize("type_name", ["Add", "Average"])
def test_broadcasting_merges_are_compiled_at_once(type_name: str) -> None:
    """For a batch of one Keras adds a column of shape (8, 1) as if it were a channel bias."""
    model = build_model({"input": {"a": [8, 8], "b": [8, 1]}, "layers": [{"type": type_name, "inputs": ["a", "b"]}]})
    selection = model.compiled_selection((model.network.outputs[0],), training=False, updates=False)
    assert selection._compiled
    left, right = (np.random.default_rng(0).standard_normal((1, 8, n)).astype(np.float32) for n in (8, 1))
    requested = (left + right) / (2 if type_name == "Average" else 1)
    np.testing.assert_allclose(selection.run([left, right])[0].numpy(), requested, rtol=1e-6)


@pytest.mark.parametrize(
    ("type_name", "shapes"),
    [("Multiply", ([4, 4, 3], [1, 1, 3])), ("Multiply", ([8, 8], [8, 1])), ("Concatenate", ([4, 4, 3], [4, 4, 2]))],
)
def test_inputs_of_different_shapes_have_equal_bits(type_name: str, shapes: tuple[list[int], list[int]]) -> None:
    """Products and joined tensors, which squeeze-and-excitation and dense blocks are full of, run directly, too."""
    inputs = dict(zip("ab", shapes, strict=True))
    model = build_model({"input": inputs, "layers": [{"type": type_name, "inputs": ["a", "b"]}]})
    for batch in (1, 2, 5):
        direct, *compiled = first_three_runs(model, batch, model.network.layer_outputs)
        assert compiled == [direct, direct]


@pytest.mark.parametrize("shape", [[3], [1, 1, 3], [4, 5, 3]])
@pytest.mark.parametrize("axis", [-1, 1])
def test_normalization_back_has_equal_bits(shape: list[int], axis: int) -> None:
    """It adds the mean, which Keras takes for the input of a bias where that has one row."""
    length = shape[axis - 1 if axis > 0 else axis]
    layer = {"type": "Normalization", "axis": axis, "invert": True}
    layer |= {"mean": [1.5 + n for n in range(length)], "variance": [2.0 + n for n in range(length)]}
    model = build_model({"input": shape, "layers": [layer]})
    for batch in (1, 2):
        direct, *compiled = first_three_runs(model, batch, model.network.layer_outputs)
        assert compiled == [direct, direct]


@pytest.mark.parametrize("second", [[8, 3], [3]])
def test_products_of_different_ranks_are_compiled_at_once(second: list[int]) -> None:
    """Keras adds axes to one of the inputs."""
    inputs = {"a": [8, 8, 3], "b": second}
    model = build_model({"input": inputs, "layers": [{"type": "Multiply", "inputs": ["a", "b"]}]})
    assert model.compiled_selection(model.network.layer_outputs, training=False, updates=False)._compiled


def test_chains_run_on_one_thread() -> None:
    """A chain has no parallelism; TensorFlow's threads would only pass the next layer to each other."""
    chain = build_model({"input": [28, 28, 1], "layers": CHAIN}).compiled_selection(
        ("dense",), training=False, updates=False
    )
    branches = build_model(
        {"input": [4], "layers": [{"type": "ReLU", "name": "a"}, {"type": "Add", "inputs": ["a", "input"]}]}
    )
    assert chain._is_chain()
    assert not branches.compiled_selection(("add",), training=False, updates=False)._is_chain()


def test_direct_errors_fall_back_to_the_compiled_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has better error messages, or does not fail at all."""
    model = build_model({"input": [4], "layers": [{"type": "ReLU"}]})
    selection = model.compiled_selection(("re_lu",), training=False, updates=False)
    compute = selection._compute

    def failing(*inputs: Any) -> list[Any]:
        if tf.executing_eagerly():
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return compute(*inputs)

    monkeypatch.setattr(selection, "_compute", failing)
    assert selection.run([np.ones((1, 4), np.float32)])[0].numpy().tolist() == [[1, 1, 1, 1]]


def test_tensorflow_options_are_effective() -> None:
    """The names are TensorFlow's own; another release may have others."""
    config = context.context().config
    assert config.experimental.disable_thread_spinning
    assert config.graph_options.rewrite_options.disable_meta_optimizer
