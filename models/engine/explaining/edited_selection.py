"""From a network's inputs to the requested tensors, with edits on the way, as one compiled function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from models.engine.batch_axes import batch_first
from models.engine.compiled import eager_tensor
from models.engine.explaining.edited_tensors import EditedTensor, EditHook, array_specs
from models.engine.network_pass import NetworkPass
from models.engine.run_errors import check_training
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.traced_function import TracedFunction, current_weights
from models.networks.network import PRE
from models.tensors.dtypes import Array


class EditedResult(NamedTuple):
    """The requested tensors in order, and the number of values that each edit of a tensor changed."""

    tensors: list[Any]
    counts: list[int]


class EditedSelection:
    """A runnable selection with edits of one structure; their arrays are arguments.

    Raises:
        InvalidOption: the layers cannot be run in training mode.
        InvalidDocument: Keras refuses a layer.
    """

    def __init__(
        self, symbolic: SymbolicNetwork, outputs: Sequence[str], training: bool, edited: Sequence[EditedTensor]
    ) -> None:
        self._symbolic, self._outputs, self._training = symbolic, tuple(outputs), training
        self._edited = [one.without_values() for one in edited]
        self._nodes = symbolic.needed(outputs)
        if training:
            check_training(self._nodes)
        self._weights = current_weights(symbolic, self._nodes)
        self._function = TracedFunction(self._compute, list(self._signature()), self._nodes)

    @property
    def nbytes(self) -> int:
        """Memory of its function."""
        return self._function.nbytes

    def _signature(self) -> Iterator[tf.TensorSpec]:
        for number, name in enumerate(self._symbolic.network.inputs):
            yield tf.TensorSpec(self._symbolic.shape(name), self._symbolic.dtype(name), name=f"i{number}")
        yield from array_specs(self._edited)

    def _compute(self, *arguments: Any) -> list[Any]:
        names, given = list(self._symbolic.network.inputs), iter(arguments)
        tensors = {name: next(given) for name in names}
        hook = EditHook(self._edited, [{name: next(given) for name in one.arrays} for one in self._edited])
        recorded = {address for address in self._outputs if address.endswith(PRE)}
        recorded |= {one.address for one in self._edited if one.address.endswith(PRE)}
        with keras.StatelessScope(state_mapping=self._weights):
            one_pass = NetworkPass(self._symbolic, self._training, recorded, hook.change)
            tensors.update({name: one_pass.changed(name, tensors[name]) for name in names})
            one_pass.compute(self._nodes, 0, tensors)
        rows = tf.shape(arguments[0])[0]
        outputs = [tf.identity(self._first(address, tensors[address], rows)) for address in self._outputs]
        counts = [hook.counts.get(place, tf.constant(0, tf.int64)) for place in range(len(self._edited))]
        return [*outputs, *counts]

    def _first(self, address: str, tensor: Any, rows: Any) -> Any:
        axis = self._symbolic.batch_axes[address]
        return tensor if axis.is_plain else batch_first(tensor, axis, rows)

    def run(self, inputs: Mapping[str, Array], edited: Sequence[EditedTensor]) -> EditedResult:
        """Run it on inputs of their declared dtypes, with the arrays of edits of the same structure. Raises as
        `TracedFunction`.
        """
        arrays = [array for one in edited for array in one.arrays.values()]
        results = self._function([eager_tensor(array) for array in (*inputs.values(), *arrays)])
        tensors, counts = results[: len(self._outputs)], results[len(self._outputs) :]
        return EditedResult(tensors, [int(count) for count in counts])
