"""Calls as findings see them: their place in the network, through blocks, shared layers and other axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.explaining.diagnosing.channel_axes import channel_axes
from models.explaining.diagnosing.layer_run import LayerRun
from models.explaining.diagnosing.layer_runs import RunTensors, addresses_of
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document


def network(layers: list[dict[str, Any]], **document: Any) -> Network:
    """Expand a document."""
    return expand(parse_document({"input": [8, 8, 2], "layers": layers, **document}))


def runs(one: Network, rows: int = 4, **inputs: Any) -> dict[str, LayerRun]:
    """Return the calls of a network whose tensors are all zeros but the inputs, by address."""
    nodes = [node for node in one.calls if not node.is_block]
    given = {name: np.random.default_rng(0).random((rows, *spec.shape)).astype(spec.dtype)
             for name, spec in one.inputs.items()} | inputs  # fmt: skip
    tensors = {address: given.get(address, np.zeros((rows, 2), np.float32)) for address in addresses_of(one, nodes)}
    weights = {"kernel": np.ones((2, 2), np.float32)}
    found = RunTensors(one, given, tensors, lambda _: weights)
    return {run.address: run for run in found.layer_runs(nodes)}


CONV = {"type": "Conv2D", "filters": 2, "kernel_size": 1}


def test_the_tensors_of_a_call() -> None:
    """What it reads and returns, and what is before its activation."""
    one = network([{**CONV, "activation": "relu", "name": "conv"}, {"type": "Flatten", "name": "flat"}])
    assert addresses_of(one, one.calls) == ("input", "conv", "conv:pre", "flat")
    found = runs(one)
    assert (found["conv"].before is None, found["flat"].before is None) == (False, True)
    assert (found["conv"].from_input, found["flat"].from_input) == ((True,), (False,))
    assert set(found["conv"].weights) == {"kernel"}


def test_outputs_and_readers_through_blocks() -> None:
    """The last layer inside a block is the output, or is read, where its block is."""
    inner = {"type": "Block", "name": "inner", "layers": [{**CONV, "name": "deep"}]}
    outer = {"type": "Block", "name": "outer", "layers": [{**CONV, "name": "first"}, inner]}
    one = network([outer, {"type": "BatchNormalization", "name": "norm"}, {**outer, "name": "last"}])
    found = runs(one)
    assert [address for address, run in found.items() if run.is_output] == ["last/inner/deep"]
    assert [reader.type_name() for reader in found["outer/inner/deep"].readers] == ["BatchNormalization"]
    assert [reader.type_name() for reader in found["outer/first"].readers] == ["Conv2D"]
    assert found["last/inner/deep"].readers == ()


def test_calls_of_a_shared_layer() -> None:
    """The second is a repetition."""
    shared = {"type": "Dense", "units": 2, "name": "shared", "calls": [["input"], ["shared@0"]]}
    found = runs(network([shared]))
    assert {address: run.is_repeated for address, run in found.items()} == {"shared@0": False, "shared@1": True}


def test_the_scale_is_that_of_the_first_reader() -> None:
    """Each input is judged once."""
    layers = [{**CONV, "name": "one"}, {**CONV, "name": "two", "inputs": ["input"]},
              {"type": "Add", "name": "sum", "inputs": ["one", "two"]}]  # fmt: skip
    found = runs(network(layers, scale="signed"))
    assert {address: run.scale for address, run in found.items()} == {"one": "signed", "two": None, "sum": None}


def test_items_and_the_size_of_inputs() -> None:
    """Copies count once; the root mean square is that of all floating-point inputs."""
    pictures = np.full((4, 8, 8, 2), 3, np.float32)
    (found,) = runs(network([{**CONV, "name": "conv"}]), input=pictures).values()
    assert (found.items, found.input_rms) == (1, 3.0)


def test_axes_of_channels() -> None:
    """The first after the batch where a convolution puts them there, for all that keeps the axes; else the last."""
    first = {**CONV, "data_format": "channels_first"}
    layers = [
        {**first, "name": "conv", "activation": "relu"}, {"type": "ReLU", "name": "relu"},
        {"type": "BatchNormalization", "axis": 1, "name": "norm"}, {"type": "Dropout", "rate": 0.1, "name": "drop"},
        {"type": "Block", "name": "block", "layers": [{**first, "name": "inside"}]},
        {"type": "Activation", "activation": "relu", "name": "after"}, {"type": "Flatten", "name": "flat"},
        {"type": "Dense", "units": 2, "name": "dense"},
    ]  # fmt: skip
    one = network(layers)
    tensors = {output: np.zeros((1, 2, 3, 3)) for node in one.calls for output in node.outputs}
    axes = channel_axes(one, tensors)
    assert {
        name: axes[name] for name in ("conv", "conv:pre", "relu", "norm", "drop", "block/inside", "after")
    } == dict.fromkeys(("conv", "conv:pre", "relu", "norm", "drop", "block/inside", "after"), 1)
    assert (axes["flat"], axes["dense"]) == (-1, -1)
