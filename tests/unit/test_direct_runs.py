"""A first run goes layer by layer, later ones through a compiled function: nobody can tell them apart by their bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from models.engine.build import BuiltModel, build
from models.engine.process import prepare
from models.layers import LAYERS
from models.layers.layer import Layer
from models.networks.expansion import expand
from models.networks.selectors import everything
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


def built(document: dict[str, Any]) -> BuiltModel:
    """A model of this document."""
    return build(expand(parse_document(document)), 2**34)


def both_ways(model: BuiltModel, batch: int, outputs: tuple[str, ...]) -> list[list[bytes]]:
    """What the first three runs of a new probe give: the first directly, the next compiled."""
    generator = np.random.default_rng(batch)
    shapes = [(batch, *[length or 5 for length in spec.shape]) for spec in model.network.inputs.values()]
    dtypes = [spec.dtype for spec in model.network.inputs.values()]
    inputs = [(4 * generator.standard_normal(shape)).astype(dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    model.probes.clear()
    probe = model.probe(outputs, training=False, updates=False)
    assert not probe._compiled
    runs = [[tensor.numpy().tobytes() for tensor in probe.run(inputs)] for _ in range(3)]
    assert probe._compiled
    return runs


@pytest.mark.parametrize("cls", DIRECT, ids=lambda cls: cls.type_name())
def test_a_layer_gives_the_same_bits_both_ways(cls: type[Layer]) -> None:
    """Also for a batch of one, of which Keras knows more when nothing is compiled."""
    model = built(example_document(cls))
    for batch in (1, 2, 5):
        direct, *compiled = both_ways(model, batch, everything(model.network))
        assert compiled == [direct, direct]


@pytest.mark.parametrize("outputs", [("dense",), ("conv2d:pre", "re_lu"), ("flatten", "max_pooling2d")])
def test_a_layer_has_the_same_bits_whatever_else_is_asked_for(outputs: tuple[str, ...]) -> None:
    """Nothing is fused with what nobody asks for."""
    model = built({"input": [28, 28, 1], "layers": CHAIN})
    every = (*everything(model.network), "conv2d:pre")
    known = dict(zip(every, both_ways(model, 1, every)[1], strict=True))
    for run in both_ways(model, 1, outputs):
        assert run == [known[address] for address in outputs]


def test_branches_are_run_both_ways() -> None:
    """Equal shapes are added as they are."""
    layers = [{**CHAIN[0], "name": "a", "filters": 1}, {"type": "Add", "inputs": ["a", "input"]}]
    direct, *compiled = both_ways(built({"input": [28, 28, 1], "layers": layers}), 1, ("a", "add"))
    assert compiled == [direct, direct]


@pytest.mark.parametrize("type_name", ["Add", "Average"])
def test_what_is_broadcast_is_compiled_at_once(type_name: str) -> None:
    """Keras, seeing a batch of one, adds a column of shape (8, 1) as if it were a bias of the channels."""
    model = built({"input": {"a": [8, 8], "b": [8, 1]}, "layers": [{"type": type_name, "inputs": ["a", "b"]}]})
    probe = model.probe((model.network.outputs[0],), training=False, updates=False)
    assert probe._compiled
    left, right = (np.random.default_rng(0).standard_normal((1, 8, n)).astype(np.float32) for n in (8, 1))
    wanted = (left + right) / (2 if type_name == "Average" else 1)
    np.testing.assert_allclose(probe.run([left, right])[0].numpy(), wanted, rtol=1e-6)


def test_a_chain_runs_on_one_thread_and_branches_do_not() -> None:
    """Beside a chain nothing can run; TensorFlow's threads would only hand each other the next layer."""
    chain = built({"input": [28, 28, 1], "layers": CHAIN}).probe(("dense",), training=False, updates=False)
    branches = built(
        {"input": [4], "layers": [{"type": "ReLU", "name": "a"}, {"type": "Add", "inputs": ["a", "input"]}]}
    )
    assert chain._is_chain()
    assert not branches.probe(("add",), training=False, updates=False)._is_chain()


def test_what_goes_wrong_directly_is_told_by_the_compiled_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which has words for it, or does not fail at all."""
    model = built({"input": [4], "layers": [{"type": "ReLU"}]})
    probe = model.probe(("re_lu",), training=False, updates=False)
    compute = probe._compute

    def failing(*inputs: Any) -> list[Any]:
        if tf.executing_eagerly():
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return compute(*inputs)

    monkeypatch.setattr(probe, "_compute", failing)
    assert probe.run([np.ones((1, 4), np.float32)])[0].numpy().tolist() == [[1, 1, 1, 1]]


def test_an_engine_is_configured_as_it_says() -> None:
    """These are TensorFlow's own words for it; another release may have others."""
    config = context.context().config
    assert config.experimental.disable_thread_spinning
    assert config.graph_options.rewrite_options.disable_meta_optimizer
