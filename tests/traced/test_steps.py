"""Layers applied step by step: recurrent cells of one's own, and TimeDistributed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import layers, ops
from layerscope_client.keras import Untraceable, traced

Agree = Callable[..., Any]


class Cell(layers.Layer):
    """A recurrent cell with weights of its own, and a gate that is a layer."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.state_size = units
        self.gate = layers.Dense(units, activation="sigmoid")

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight((shape[-1], self.state_size), name="kernel")
        self.recurrent = self.add_weight((self.state_size, self.state_size), "orthogonal", name="recurrent")
        self.gate.build(shape)

    def call(self, x: Any, states: Any) -> Any:
        new = ops.tanh(ops.matmul(x, self.kernel) + ops.matmul(states[0], self.recurrent))
        gate = self.gate(x)
        output = gate * new + (1 - gate) * states[0]
        return output, [output]


def model(layer: Any, **arguments: Any) -> keras.Model:
    """Return a model of one layer on five steps."""
    first = keras.Input((5, 6))
    return keras.Model(first, layer(first, **arguments))


@pytest.mark.parametrize("options", [{}, {"return_sequences": True, "return_state": True}, {"go_backwards": True}])
def test_cells_of_ones_own_are_written_out_for_each_step(agree: Agree, sequences: Any, options: Any) -> None:
    """One block with a call for each step, whose weights are counted once."""
    served = agree(model(layers.RNN(Cell(4), name="rnn", **options)), sequences, tolerance=1e-6)
    cell = served.block("rnn", "cell")
    assert len(cell["calls"]) == 5
    assert served.parameters() == 6 * 4 + 4 * 4 + 6 * 4 + 4


def test_masked_steps_are_passed_over(agree: Agree, ids: Any) -> None:
    """As Keras passes over them."""
    first = keras.Input((5,), dtype="int32")
    words = layers.Embedding(10, 6, mask_zero=True)(first)
    agree(keras.Model(first, layers.RNN(Cell(4), return_sequences=True)(words)), ids, tolerance=1e-6)


def test_too_many_steps_are_refused() -> None:
    """With the number."""
    first = keras.Input((65, 6))
    with pytest.raises(Untraceable, match=r"written out for each of 65 steps.*at most 64") as raised:
        traced(keras.Model(first, layers.RNN(Cell(4), name="long")(first)))
    assert raised.value.layer == "long (RNN)"


def test_layers_of_ones_own_run_on_steps(agree: Agree, sequences: Any) -> None:
    """Every step is a row."""

    class Gated(layers.Layer):
        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight((shape[-1], 3), name="kernel")

        def compute_output_shape(self, shape: Any) -> Any:
            return (*shape[:-1], 3)

        def call(self, x: Any) -> Any:
            return ops.relu(ops.matmul(x, self.kernel))

    served = agree(model(layers.TimeDistributed(Gated(), name="steps")), sequences, tolerance=1e-6)
    assert served.block("steps", "layer")["weights"]["kernel"]["shape"] == [6, 3]
