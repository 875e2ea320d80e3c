"""A run whose tensors an analysis reads, inside the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from models.engine.arrays import as_array
from models.engine.execution import Execution, inputs_by_name
from models.engine.explaining.edited_run import edits_json, sent_arrays
from models.engine.explaining.edited_tensors import edited_tensors
from models.engine.weights import named_weights
from models.errors import LayerscopeError
from models.ipc.messages import Run
from models.networks.network import PRE, Network, Node
from models.tensors.dtypes import Array


class AnalysedRun:
    """A run that is admitted, and computes all of its outputs at once.

    Raises:
        TooLarge: it would take too much memory or time by itself.
        InvalidOption: an edit does not fit its tensor.
    """

    def __init__(self, execution: Execution, run: Run, inputs: Sequence[np.ndarray]) -> None:
        self.run = run
        self.model, self.cached = execution.model(run)
        self.inputs = inputs_by_name(self.model.network, run.inputs, inputs)
        alone = msgspec.structs.replace(run, data=False, views={})
        self.plan, self.cost = execution.admit(self.model, alone, inputs)
        self._edited = edited_tensors(self.plan.symbolic, run.edits, sent_arrays(run, inputs))
        self._changed: Sequence[int] = ()

    @property
    def network(self) -> Network:
        """The network, under the policy that it is run under."""
        return self.model.network

    @property
    def held_bytes(self) -> int:
        """Bytes of its outputs."""
        return sum(row.info.nbytes for row in self.plan.rows)

    def tensors(self) -> dict[str, Array]:
        """Compute the outputs; returns them by address.

        Raises:
            InvalidTensor, InvalidDocument, TooLarge: as `CompiledSelection.run`.
        """
        run = self.run
        if self._edited:
            found = self.model.edited_selection(run.outputs, run.training, self._edited).run(self.inputs, self._edited)
            self._changed, results = found.counts, found.tensors
        else:
            selection = self.model.compiled_selection(run.outputs, run.training, False)
            results = selection.run(list(self.inputs.values()))
        return {row.info.name: array for row, array in self.plan.check_computed(list(map(as_array, results)))}

    def edits_json(self) -> list[Mapping[str, Any]]:
        """Return what each edit did; nothing before `tensors` or without edits."""
        return edits_json(self.run.edits, self._edited, self._changed) if self._changed else []

    def node_of(self, address: str | None) -> Node | None:
        """Return the call that computes a tensor; None for an input."""
        return None if address is None else self.network.node_of.get(address.removesuffix(PRE))

    def type_of(self, address: str) -> str:
        """Return the type of the layer at an address."""
        node = self.node_of(address)
        return "InputLayer" if node is None else node.layer.type_name()

    def weights_of(self, node: Node | None) -> dict[str, Array]:
        """Return the weights of a call's layer by their names inside it."""
        layers = self.model.symbolic.layers
        if node is None or node.path not in layers:
            return {}
        return {name: as_array(variable.value) for name, variable in named_weights(layers[node.path])}


@contextmanager
def pointing(pointer: str) -> Iterator[None]:
    """Prefix the pointers of errors in the block."""
    try:
        yield
    except LayerscopeError as error:
        raise error.under(pointer) from error
