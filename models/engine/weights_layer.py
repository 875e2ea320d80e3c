"""The weights that a block owns, as a Keras layer that returns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from models.layers.block_weights import OwnWeights


class WeightsLayer(keras.layers.Layer):  # type: ignore[misc]
    """Returns its weights, whatever it is called with."""

    def __init__(self, own: OwnWeights, name: str, initializers: Mapping[str, Any]) -> None:
        super().__init__(name=name, autocast=False)
        self._own, self._initializers = own, initializers

    def build(self, _: Any) -> None:
        """Declare the weights in their order."""
        for name, one in self._own.weights:
            arguments = {"initializer": self._initializers[name], "dtype": one.dtype, "trainable": one.trainable}
            self.add_weight(tuple(one.shape), **arguments, name=name)

    def call(self, _: Any) -> list[Any]:
        """Return the weights' values."""
        variables = {variable.name: variable for variable in self.weights}
        return [keras.ops.convert_to_tensor(variables[name]) for name, _ in self._own.weights]

    def compute_output_spec(self, _: Any) -> list[keras.KerasTensor]:
        """Return the weights' shapes and dtypes."""
        return [keras.KerasTensor(one.shape, one.dtype) for _, one in self._own.weights]
