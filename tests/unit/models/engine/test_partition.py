"""A network compiled in parts gives the same bits as in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from models.engine import partition
from models.engine.build import BuiltModel, build
from models.engine.tensorflow_setup import prepare
from models.errors import InvalidTensor
from models.layers import LAYERS
from models.layers.layer import Layer
from models.networks.expansion import expand
from models.networks.network import PRE
from models.reading.parse import parse_document
from service.routes.layers import example_document

prepare()
BRANCHES: dict[str, Any] = {
    "input": {"left": [8, 8, 2], "right": {"shape": [8, 8, 2], "dtype": "uint8"}},
    "layers": [
        {"type": "Conv2D", "name": "a", "filters": 2, "kernel_size": 3, "padding": "same", "activation": "relu",
         "inputs": ["left"]},
        {"type": "Rescaling", "name": "b", "scale": 0.5, "inputs": ["right"]},
        {"type": "Conv2D", "name": "shared", "filters": 2, "kernel_size": 1, "calls": [["a"], ["b"]]},
        {"type": "Add", "name": "sum", "inputs": ["shared@0", "shared@1"]},
        {"type": "Add", "name": "again", "inputs": ["sum", "left"]},
        {"type": "Reshape", "name": "rows", "target_shape": [8, 16]},
        {"type": "LSTM", "name": "lstm", "units": 3, "return_state": True},
        {"type": "Dense", "name": "dense", "units": 4, "activation": "softmax", "inputs": ["lstm#1"]},
    ],
}  # fmt: skip
MASKED: dict[str, Any] = {
    "input": {"shape": [6], "dtype": "int32"},
    "layers": [{"type": "Embedding", "input_dim": 9, "output_dim": 4, "mask_zero": True}, {"type": "LSTM", "units": 3}],
}
TABLE: dict[str, Any] = {
    "input": {"shape": [3], "dtype": "float32"},
    "layers": [{"type": "ReLU"}, {"type": "Embedding", "input_dim": 9, "output_dim": 2}],
}


def build_model(document: dict[str, Any]) -> BuiltModel:
    """Build a model of this document."""
    return build(expand(parse_document(document)), 2**34)


def inputs_of(model: BuiltModel, batch: int) -> list[np.ndarray]:
    """Draw small integers, which every dtype can represent."""
    generator = np.random.default_rng(batch)
    specs = model.network.inputs.values()
    shapes = [(batch, *[length or 5 for length in spec.shape]) for spec in specs]
    return [generator.integers(0, 3, shape).astype(spec.dtype) for shape, spec in zip(shapes, specs, strict=True)]


def compiled_bits(model: BuiltModel, outputs: tuple[str, ...], inputs: list[np.ndarray]) -> tuple[int, list[bytes]]:
    """Return the number of parts of a new selection, and the bits of its second run, which is compiled."""
    model.compiled.clear()
    selection = model.compiled_selection(outputs, training=False, updates=False)
    selection.run(inputs)
    bits = [tensor.numpy().tobytes() for tensor in selection.run(inputs)]
    return len(selection._compiled), bits


@pytest.mark.parametrize(
    "outputs", [None, ("dense", "a"), ("a:pre", "left", "lstm#2"), ("right",), ("shared@1", "again")]
)
def test_parts_give_the_bits_of_the_whole(outputs: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Branches, shared layers, several inputs and outputs, values before activations; in any order."""
    model = build_model(BRANCHES)
    requested = outputs or (*model.network.layer_outputs, "a" + PRE)
    inputs = inputs_of(model, 2)
    whole, expected = compiled_bits(model, requested, inputs)
    assert whole == 1
    monkeypatch.setattr(partition, "PART_BYTES", 0)
    count, bits = compiled_bits(model, requested, inputs)
    assert bits == expected
    assert count == max(1, len(model.symbolic.needed(requested)))


@pytest.mark.parametrize("cls", [cls for cls in LAYERS if cls.standalone], ids=lambda cls: cls.type_name())
def test_a_layer_gives_the_same_bits_after_a_cut(cls: type[Layer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its inputs come from other functions, one for each input."""
    document = example_document(cls)
    inputs = expand(parse_document(document)).inputs
    before = [
        {"type": "Identity", "name": f"before{number}", "dtype": spec.dtype, "inputs": [name]}
        for number, (name, spec) in enumerate(inputs.items())
    ]
    (layer,) = document["layers"]
    behind = {**document, "layers": [*before, {**layer, "inputs": [one["name"] for one in before]}]}
    model = build_model(behind)
    arrays, outputs = inputs_of(model, 2), model.network.layer_outputs
    _, expected = compiled_bits(model, outputs, arrays)
    monkeypatch.setattr(partition, "PART_BYTES", 0)
    count, bits = compiled_bits(model, outputs, arrays)
    assert bits == expected
    assert count == (1 if cls.type_name() in MASKING else 1 + len(before))


MASKING = {"Masking"}
"""Layers whose output has a mask; they are not cut from their consumers."""


def test_networks_with_masks_are_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras attaches masks to the tensors of one trace; the LSTM would see the padding."""
    monkeypatch.setattr(partition, "PART_BYTES", 0)
    model = build_model(MASKED)
    count, bits = compiled_bits(model, ("embedding", "lstm"), [np.array([[1, 2, 0, 0, 0, 0]], np.int32)])
    short = compiled_bits(model, ("lstm",), [np.array([[1, 2, 0, 0, 0, 0]], np.int32)])[1]
    assert (count, bits[1:]) == (1, short)
    full = compiled_bits(model, ("lstm",), [np.array([[1, 2, 3, 0, 0, 0]], np.int32)])[1]
    assert full != short


def test_each_part_is_reported_before_the_next_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the selected tensors and those that later parts read, by address; the last part is returned."""
    monkeypatch.setattr(partition, "PART_BYTES", 8 * 8 * 2 * 4)
    outputs = ("a", "again", "dense")
    model = build_model(BRANCHES)
    selection = model.compiled_selection(outputs, training=False, updates=False)
    reported: list[Mapping[str, Any]] = []
    results = dict(zip(outputs, selection.run(inputs_of(model, 1), reported.append), strict=True))
    assert [set(part) & set(outputs) for part in reported] == [{"a"}, {"again"}]
    assert all(
        results[address] is tensor for part in reported for address, tensor in part.items() if address in outputs
    )


def test_errors_in_later_parts_name_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its number in the whole network."""
    monkeypatch.setattr(partition, "PART_BYTES", 0)
    selection = build_model(TABLE).compiled_selection(("re_lu", "embedding"), training=False, updates=False)
    with pytest.raises(InvalidTensor) as raised:
        selection.run([np.full((1, 3), 99, np.float32)])
    assert raised.value.problems[0].message.startswith("embedding ")
