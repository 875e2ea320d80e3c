"""Explanation of a target by a method: checks, passes through the network, and the reply."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.engine.admission import Bounds
from models.engine.build import BuiltModel
from models.engine.execution import Execution, inputs_by_name
from models.engine.explaining.addresses import explained_rows, shape_of
from models.engine.explaining.admission import admit_rows
from models.engine.explaining.edited_inputs import check_items_apart, edited_inputs
from models.engine.explaining.edited_run import sent_arrays
from models.engine.explaining.edited_tensors import edited_tensors
from models.engine.explaining.engine_probe import EngineProbe
from models.engine.report import Report, Result, Timing
from models.engine.selection_plan import Row
from models.errors import InvalidOption
from models.explaining.index_checks import term_indices
from models.explaining.methods import methods
from models.explaining.methods.method import Explained, Method
from models.explaining.questions import Explanation
from models.explaining.resizing import picture_size, resized_maps
from models.explaining.target_reply import target_json
from models.explaining.warnings import saturation_warnings
from models.ipc.messages import Run, TensorInfo
from models.networks.network import PRE, Network
from models.tensors.dtypes import Array

Shapes = Mapping[str, tuple[int, ...]]


def explain(execution: Execution, run: Run, question: Explanation, inputs: Sequence[np.ndarray]) -> Result:
    """Explain the items of a run.

    Raises:
        InvalidOption: the target is not one number an item, or the method does not explain by an address.
        TooLarge: it would take too much memory or time.
    """
    started = time.perf_counter()
    model, cached = execution.model(run)
    method = methods()[question.method]
    arrays: Mapping[str, Array] = inputs_by_name(model.network, run.inputs, inputs)
    symbolic = model.concrete({name: array.shape for name, array in arrays.items()})
    _check_rows_apart(model.network)
    edited = edited_tensors(symbolic, run.edits, sent_arrays(run, inputs))
    check_items_apart(run.edits)
    arrays, edited = edited_inputs(model, arrays, edited)
    to, rows = explained_rows(symbolic, question)
    indices = [term_indices(term, shape_of(symbolic, term.address), symbolic.dtype(term.address))
               for term in question.target.terms]  # fmt: skip
    bounds = Bounds(run.max_bytes, execution.limits.max_working_bytes, run.max_macs, execution.time)
    needed = [*question.target.addresses, *to]
    passes = admit_rows(symbolic, needed, rows, bounds)
    probe = EngineProbe(model, question.target, to, arrays, indices, passes, edited)
    built = time.perf_counter()
    explained = method.explain(probe, method.knobs.model_validate(question.knobs))
    timing = Timing(cached, (built - started) * 1e3, (time.perf_counter() - built) * 1e3, passes.cost.seconds)
    execution.cache.trim()
    if question.resized:
        maps = resized_maps(explained.tensors, picture_size(arrays))
        explained = replace(explained, tensors={**explained.tensors, **maps})
    report = _report(model, run, explained, probe.weight_gradients() if run.weights else {})
    report.check_size(run.max_bytes)
    return report.result(timing, passes.cost.macs, _facts(question, method, probe, explained))


def _check_rows_apart(network: Network) -> None:
    """Refuse networks with a layer that mixes the rows of a batch: no gradient is one item's own there."""
    for node in network.nodes:
        if node.layer.mixes_batch():
            message = f"{node.address} mixes the items of a batch, so that no number belongs to one of them"
            raise InvalidOption.at("/method", message, "a network without such a layer", node.layer.type_name())


def _report(model: BuiltModel, run: Run, explained: Explained, weights: Mapping[int, Any]) -> Report:
    """Build the reply: the tensors of the explanation and, in place of weights, their gradients."""
    report = Report(model, weights)
    for name, array in explained.tensors.items():
        info = TensorInfo(name, array.dtype.name, array.shape, array.nbytes)
        address = name.removesuffix(":resized").removesuffix(PRE)
        node = model.network.node_of.get(address)
        report.add_activation(
            Row(info, node, "InputLayer" if node is None else node.layer.type_name(), None), array, run
        )
    return report


def _facts(question: Explanation, method: Method, probe: EngineProbe, explained: Explained) -> dict[str, Any]:
    target = target_json(question.target, probe.term_values, probe.picks, explained.scores)
    warnings = [*saturation_warnings(probe.network, question.target, probe.term_values), *explained.warnings]
    return {"method": method.name, "target": target, **explained.facts, "warnings": warnings}
