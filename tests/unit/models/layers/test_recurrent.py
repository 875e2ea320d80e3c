"""Recurrent layers and wrappers: outputs, costs, and rejections."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.layers import CATALOGUE
from models.layers.faults import LayerFault
from models.layers.layer import Layer
from models.layers.sizes import Shape

SEQUENCE: Shape = (2, 5, 8)
FRAMES: Shape = (2, 3, 8, 8, 1)
LSTM = {"type": "LSTM", "units": 4}
CELLS = [{"type": "LSTMCell", "units": 3}, {"type": "GRUCell", "units": 4}, {"type": "SimpleRNNCell", "units": 2}]
DENSE = {"type": "Dense", "units": 2}


def layer(kind: str, **arguments: Any) -> Layer:
    return CATALOGUE[kind].model_validate(arguments)


def around(inner: dict[str, Any], times: int) -> dict[str, Any]:
    """Nest `inner` in this many TimeDistributed."""
    return {"type": "TimeDistributed", "layer": around(inner, times - 1)} if times else inner


OUTPUTS = [
    (layer("LSTM", units=4), 1),
    (layer("LSTM", units=4, return_state=True), 3),
    (layer("GRU", units=4, return_state=True), 2),
    (layer("SimpleRNN", units=4, return_state=True), 2),
    (layer("ConvLSTM2D", filters=2, kernel_size=3, return_state=True), 3),
    (layer("RNN", cell=CELLS, return_state=True), 5),
    (layer("RNN", cell={"type": "StackedRNNCells", "cells": CELLS}, return_state=True), 5),
    (layer("Bidirectional", layer=LSTM | {"return_state": True}), 5),
    (layer("Bidirectional", layer=LSTM | {"return_state": True}, merge_mode=None), 6),
    (layer("Bidirectional", layer=LSTM, merge_mode=None), 2),
]


@pytest.mark.parametrize(("made", "count"), OUTPUTS)
def test_states_are_outputs(made: Layer, count: int) -> None:
    """With return_state, every state of every cell follows the sequence."""
    assert made.output_count() == count


COSTS = [
    (layer("SimpleRNN", units=4), SEQUENCE, (2, 4), 2 * 5 * 4 * (8 + 4)),
    (layer("GRU", units=4), SEQUENCE, (2, 4), 2 * 5 * 3 * 4 * (8 + 4)),
    (layer("LSTM", units=4), SEQUENCE, (2, 4), 2 * 5 * 4 * 4 * (8 + 4)),
    (layer("LSTM", units=4), (2, None, 8), (2, 4), None),
    (layer("RNN", cell=CELLS), SEQUENCE, (2, 2), 2 * 5 * (4 * 3 * (8 + 3) + 3 * 4 * (3 + 4) + 2 * (4 + 2))),
    (layer("RNN", cell=CELLS[0]), SEQUENCE, (2, 3), 2 * 5 * 4 * 3 * (8 + 3)),
    (layer("RNN", cell={"type": "StackedRNNCells", "cells": CELLS[:1]}), SEQUENCE, (2, 3), 2 * 5 * 4 * 3 * (8 + 3)),
    (layer("Bidirectional", layer=LSTM), SEQUENCE, (2, 8), 2 * 2 * 5 * 4 * 4 * (8 + 4)),
    (layer("Bidirectional", layer=LSTM, merge_mode="sum"), SEQUENCE, (2, 4), 2 * 2 * 5 * 4 * 4 * (8 + 4)),
    (layer("ConvLSTM2D", filters=2, kernel_size=3), FRAMES, (2, 6, 6, 2), 3 * 4 * (2 * 6 * 6 * 2) * 9 * (1 + 2)),
    (layer("ConvLSTM2D", filters=2, kernel_size=3), (None, *FRAMES[1:]), (None, 6, 6, 2), None),
    (layer("TimeDistributed", layer=DENSE), SEQUENCE, (2, 5, 2), 5 * 2 * 2 * 8),
    (layer("TimeDistributed", layer=DENSE), (2, None, 8), (2, None, 2), None),
    (layer("SpectralNormalization", layer=DENSE), SEQUENCE, (2, 5, 2), 2 * 5 * 2 * 8),
]


@pytest.mark.parametrize(("made", "shape", "output", "macs"), COSTS)
def test_macs_are_those_of_matrix_products(made: Layer, shape: Shape, output: Shape, macs: int | None) -> None:
    """Rows × steps × (from the input and from the state, for each gate); wrappers count their inner layer."""
    assert made.macs((shape,), (output,)) == macs


REFUSED = [
    (layer("LSTM", units=4), (None, 16_385, 8), "inputs"),
    (layer("LSTM", units=4), (None, 5, None), "inputs"),
    (layer("LSTM", units=4, unroll=True), (None, 257, 8), "unroll"),
    (layer("ConvLSTM2D", filters=2, kernel_size=9), FRAMES, "kernel_size"),
    (layer("ConvLSTM2D", filters=2, kernel_size=3), (None, 3, None, 8, 1), "inputs"),
    (layer("TimeDistributed", layer=DENSE), (None, 257, 8), "inputs"),
    (layer("TimeDistributed", layer=LSTM), (None, 17, 5, 8), "inputs"),
    (layer("TimeDistributed", layer={"type": "Bidirectional", "layer": LSTM}), (None, 9, 5, 8), "inputs"),
    (layer("TimeDistributed", layer=LSTM | {"unroll": True}), (None, 9, 16, 8), "inputs"),
    (layer("TimeDistributed", layer=around(DENSE, 1)), (None, 17, 16, 8), "inputs"),
    (layer("TimeDistributed", layer={"type": "Conv2D", "filters": 2, "kernel_size": 9}), FRAMES, "layer/kernel_size"),
    (layer("TimeDistributed", layer={"type": "Conv2D", "filters": 2, "kernel_size": 3}), SEQUENCE, "layer"),
    (layer("Bidirectional", layer=LSTM), (None, 5, None), "layer/inputs"),
    (layer("Bidirectional", layer=LSTM, backward_layer=LSTM | {"go_backwards": True, "unroll": True}),
     (None, 300, 8), "backward_layer/unroll"),
    (layer("SpectralNormalization", layer=DENSE), (None, None), "layer/inputs"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "shape", "field"), REFUSED)
def test_invalid_shapes_are_rejected_at_their_field(made: Layer, shape: Shape, field: str) -> None:
    """A fault of an inner layer has the path from its wrapper."""
    with pytest.raises(LayerFault) as refused:
        made.check_shapes((shape,))
    assert refused.value.field == field


IMPOSSIBLE = [
    ("Bidirectional", {"layer": LSTM, "weights": []}, "weights"),
    ("Bidirectional", {"layer": LSTM | {"go_backwards": True}}, "go_backwards"),
    ("Bidirectional", {"layer": LSTM, "backward_layer": LSTM}, "go_backwards"),
    ("Bidirectional", {"layer": LSTM, "backward_layer": LSTM | {"units": 5, "go_backwards": True}}, "backward_layer"),
    ("Bidirectional", {"layer": LSTM, "dtype": "float16"}, "dtype"),
    ("TimeDistributed", {"layer": DENSE, "dtype": "float16"}, "dtype"),
    ("TimeDistributed", {"layer": DENSE | {"inputs": ["x"]}}, "held_layer"),
    ("TimeDistributed", {"layer": LSTM | {"return_state": True}}, "held_layer"),
    ("TimeDistributed", {"layer": {"type": "Add"}}, "held_layer"),
    ("TimeDistributed", {"layer": {"type": "Pipeline", "layers": [{"type": "AutoContrast"}]}}, "held_layer"),
    ("TimeDistributed", {"layer": around(DENSE, 4)}, "nesting"),
    ("SpectralNormalization", {"layer": {"type": "Flatten"}}, "held_layer"),
    ("RNN", {"cell": LSTM}, "union_tag_invalid"),
    ("Pipeline", {"layers": [DENSE]}, "union_tag_invalid"),
    ("Pipeline", {"layers": [{"type": "AutoContrast"}], "trainable": False}, "trainable"),
]


@pytest.mark.parametrize(("kind", "arguments", "code"), IMPOSSIBLE)
def test_invalid_arguments_are_rejected(kind: str, arguments: dict[str, Any], code: str) -> None:
    """Independent of shapes."""
    with pytest.raises(ValidationError) as refused:
        layer(kind, **arguments)
    assert code in {error["type"] for error in refused.value.errors()}


def test_unrolled_layers_need_lengths() -> None:
    """The number of steps must be known when TensorFlow traces them."""
    unrolled = LSTM | {"unroll": True}
    assert layer("TimeDistributed", layer=DENSE).needs_lengths()
    assert layer("Bidirectional", layer=unrolled).needs_lengths()
    assert not layer("Bidirectional", layer=LSTM).needs_lengths()
    assert not layer("SpectralNormalization", layer=DENSE).needs_lengths()


def test_wrappers_have_the_properties_of_their_layer() -> None:
    """The bound of ids and the window."""
    table = layer("TimeDistributed", layer={"type": "Embedding", "input_dim": 9, "output_dim": 2})
    kernel = {"type": "Conv2D", "filters": 2, "kernel_size": 3}
    assert table.id_bound() == 9
    assert layer("SpectralNormalization", layer=kernel).windows(FRAMES[1:]) == layer("Conv2D", **kernel).windows(
        FRAMES[1:]
    )
    assert layer("ConvLSTM2D", filters=2, kernel_size=3).windows(FRAMES) is None
    assert layer("ConvLSTM2D", filters=2, kernel_size=3).has_activation() is False


STATES = [
    (layer("LSTM", units=4), [(2, 4)], "2", "1"),
    (layer("GRU", units=4), [(2, 4), (2, 4)], "1", "2"),
    (layer("GRU", units=4), [(2, 3)], "(batch, 4)", "(2, 3) as number 0"),
    (layer("LSTM", units=4), [(2, 4), (2, 1, 4)], "(batch, 4)", "(2, 1, 4) as number 1"),
    (layer("RNN", cell=CELLS), [(2, 3)], "4", "1"),
    (layer("Bidirectional", layer=LSTM), [(2, 4), (2, 4)], "4", "2"),
]


@pytest.mark.parametrize(("one", "given", "expected", "received"), STATES)
def test_initial_states_must_match_the_states_of_the_layer(
    one: Layer, given: list[Shape], expected: str, received: str
) -> None:
    """Keras would raise "list index out of range", or ignore surplus ones."""
    with pytest.raises(LayerFault) as refused:
        one.check_keywords((SEQUENCE,), {"initial_state": tuple(given)})
    assert refused.value.field == "keywords/initial_state"
    assert (refused.value.expected, refused.value.received) == (expected, received)
