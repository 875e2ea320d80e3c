"""Activations of a run with edits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from models.engine.arrays import as_array
from models.engine.execution import Execution, fill_report, inputs_by_name
from models.engine.explaining.edited_tensors import EditedTensor, edited_tensors
from models.engine.report import Report, Result, Timing
from models.errors import InvalidOption
from models.explaining.editing import Edit
from models.ipc.messages import LayerInfo, Run
from models.tensors.dtypes import Array


def run_edited(execution: Execution, run: Run, inputs: Sequence[np.ndarray]) -> Result:
    """Run a document whose tensors are edited on the way.

    Raises:
        InvalidOption: an edit does not fit its tensor, or the layers cannot be run in training mode.
        TooLarge: it would take too much memory or time.
    """
    started = time.perf_counter()
    if run.training and run.weights:
        message, expected = (
            "weights that training updates come without edits",
            "one of weights, training and edits less",
        )
        raise InvalidOption.at("/edits", message, expected, "all three")
    model, cached = execution.model(run)
    plan, cost = execution.admit(model, run, inputs)
    edited = edited_tensors(plan.symbolic, run.edits, sent_arrays(run, inputs))
    selection = model.edited_selection(run.outputs, run.training, edited)
    built = time.perf_counter()
    found = selection.run(inputs_by_name(model.network, run.inputs, inputs), edited)
    timing = Timing(cached, (built - started) * 1e3, (time.perf_counter() - built) * 1e3, cost.seconds)
    execution.cache.trim()
    report = fill_report(Report(model, {}), run, plan, inputs, [as_array(tensor) for tensor in found.tensors])
    report.layers = [_marked(layer, edited) for layer in report.layers]
    return report.result(timing, cost.macs, {"edits": edits_json(run.edits, edited, found.counts)})


def sent_arrays(run: Run, inputs: Sequence[np.ndarray]) -> dict[str, Array]:
    """Return the arrays that were sent with a run, by name: inputs, and what edits are made of."""
    return {info.name: array for info, array in zip(run.inputs, inputs, strict=True)}


def _marked(layer: LayerInfo, edited: Sequence[EditedTensor]) -> LayerInfo:
    """Return a layer with the numbers of the edits at its address."""
    numbers = tuple(one.number for one in edited if one.address == layer.address)
    return msgspec.structs.replace(layer, edited=numbers) if numbers else layer


def edits_json(edits: Sequence[Edit], edited: Sequence[EditedTensor], counts: Sequence[int]) -> list[Mapping[str, Any]]:
    """Return for each entry its tensors, and the number of values that it changed."""
    changed = dict.fromkeys(range(len(edits)), 0)
    for one, count in zip(edited, counts, strict=True):
        changed[one.number] += count
    return [{"addresses": edit.addresses, "changed": changed[edit.number]} for edit in edits]
