"""Tensors of a run for an analysis that asks for other addresses each time, without a compiled function for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from models.engine.admission import Cost
from models.engine.arrays import as_array
from models.engine.build import BuiltModel
from models.engine.compiled_selection import CompiledSelection, runs_directly
from models.engine.execution import Execution
from models.errors import TooLarge
from models.ipc.messages import Run


class Computed(NamedTuple):
    """Tensors by address, the batch first, and what the run cost."""

    tensors: Mapping[str, np.ndarray]
    cost: Cost


def computed(
    execution: Execution, run: Run, model: BuiltModel, inputs: Sequence[np.ndarray], needed: Sequence[str]
) -> Computed:
    """Return tensors of a run on inputs in the order of `run.inputs`.

    Raises:
        TooLarge: it would take too much memory or time, by its plan.
    """
    if not needed:
        return Computed({}, Cost(0.0, 0))
    for outputs in _choices(model, needed):
        request = msgspec.structs.replace(run, outputs=outputs, data=False, views={})
        try:
            plan, cost = execution.admit(model, request, inputs)
        except TooLarge:
            if outputs == tuple(needed):
                raise
            continue
        by_name = {info.name: array for info, array in zip(run.inputs, inputs, strict=True)}
        results = _selection(model, outputs).run([by_name[name] for name in model.network.inputs])
        checked = plan.check_computed([as_array(result) for result in results])
        return Computed({row.info.name: array for row, array in checked}, cost)
    raise AssertionError("the last choice is what is needed")


def _choices(model: BuiltModel, needed: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield selections of what is needed: one that is compiled already; layer by layer, where all of them run directly;
    everything at once, since compiling takes seconds, and the next question is about another address; what is needed.
    """
    compiled = model.compiled_with(needed)
    if compiled is not None:
        yield compiled.outputs
    nodes = model.symbolic.needed(needed)
    if not all(runs_directly(model.symbolic, node) for node in nodes):
        yield tuple(dict.fromkeys([*model.network.layer_outputs, *model.network.pre_addresses, *needed]))
    yield tuple(needed)


def _selection(model: BuiltModel, outputs: tuple[str, ...]) -> CompiledSelection:
    """Return a selection. One that runs directly is not kept: compiled ones would make room for it."""
    nodes = model.symbolic.needed(outputs)
    if model.compiled_with(outputs) is None and all(runs_directly(model.symbolic, node) for node in nodes):
        return CompiledSelection(model.symbolic, outputs, training=False, updates=False)
    return model.compiled_selection(outputs, False, False)
