"""Sums of products of custom layers, whose operands may be repeated for each row of the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

Agree = Callable[..., Any]


class Relative(layers.Layer):
    """Compares every step with every place, the places repeated for each row, as DeBERTa has it."""

    def build(self, shape: Any) -> None:
        self.places = self.add_weight((shape[1], shape[2]), "random_normal", name="places")

    def call(self, x: Any) -> Any:
        repeated = ops.repeat(self.places[None], ops.shape(x)[0], axis=0)
        return ops.einsum("aed,abd->abe", repeated, x) + ops.einsum("abd,aed->abe", x, repeated)


def test_operands_may_be_repeated_for_each_row(agree: Agree, sequences: Any) -> None:
    """On either side."""
    first = keras.Input((5, 6))
    agree(keras.Model(first, Relative(name="relative")(first)), sequences, tolerance=1e-6)
