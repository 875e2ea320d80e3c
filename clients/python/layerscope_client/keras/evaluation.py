"""Values of tensors that follow from weights and constants alone, where a document cannot say how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from layerscope_client.keras.graph import Rows, Tensor, one_row, recorded_call, refusal_of
from layerscope_client.keras.owned_weights import WeightTensor


class Evaluation:
    """Computes fixed tensors by Keras itself, with the weights as they are."""

    def __init__(self, tensors: Mapping[tuple[int, int], Tensor]) -> None:
        self._tensors = {first: tensor for (first, _), tensor in tensors.items()}
        self._values: dict[int, Any] = {}

    def array(self, tensor: Tensor) -> np.ndarray[Any, Any]:
        """Return the numbers of a fixed tensor; one row of an axis of the batch.

        Raises:
            Untraceable: its rows differ.
        """
        if tensor.variable is not None:
            return np.asarray(tensor.variable.numpy())
        if tensor.values is not None:
            return np.asarray(tensor.values)
        values = one_row(np.asarray(keras.ops.convert_to_numpy(self._value(tensor.symbolic))), tensor.shape)
        if any(isinstance(length, Rows) and values.shape[n] != 1 for n, length in enumerate(tensor.shape)):
            raise refusal_of(tensor, "its rows depend on their place in the batch")
        return values

    def _value(self, symbolic: Any) -> Any:
        """Return what a symbolic tensor is, for the first of the two batches.

        Raises:
            Untraceable: Keras cannot compute it, since it depends on a free length.
        """
        if isinstance(symbolic, WeightTensor):
            return keras.ops.convert_to_tensor(symbolic.variable)
        if id(symbolic) not in self._values:
            tensor = self._tensors[id(symbolic)]
            recorded = recorded_call(tensor)
            args, kwargs = keras.tree.map_structure(self._argument, (recorded.args, recorded.kwargs))
            try:
                results = keras.tree.flatten(recorded.operation(*args, **kwargs))
            except Exception as error:
                reason = f"it cannot be computed without the lengths of an input ({type(error).__name__})"
                raise refusal_of(tensor, reason) from error
            self._values |= {id(output): result for output, result in zip(recorded.outputs, results, strict=True)}
        return self._values[id(symbolic)]

    def _argument(self, value: Any) -> Any:
        return self._value(value) if isinstance(value, keras.KerasTensor) else value
