"""Arithmetic of one element: a run up to the layer that computed it, the terms of that layer, and what they are
computed from.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.engine.arrays import as_array
from models.engine.build import BuiltModel
from models.engine.execution import Execution, inputs_by_name
from models.engine.explaining.computed import computed
from models.engine.explaining.implicit_masks import implicit_mask
from models.engine.report import Report, Result, Timing
from models.engine.selection_plan import Row
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.weights import named_weights
from models.explaining.arithmetic import Arithmetic, explain, rules
from models.explaining.arithmetic.layer_call import LayerCall
from models.explaining.arithmetic.reply import arithmetic_json
from models.explaining.elements import element_index, node_of_element
from models.explaining.questions import Arithmetic as Question
from models.explaining.reads.part import Part
from models.explaining.reads.walk import parts_read
from models.ipc.messages import Run, TensorInfo
from models.layers.activation import Softmax
from models.layers.pooling_global import GlobalAveragePooling1D
from models.networks.network import PRE, Node

Arrays = Mapping[str, np.ndarray]
MASKED = (GlobalAveragePooling1D, Softmax)
"""Layers with arithmetic that a mask changes."""


def arithmetic(execution: Execution, run: Run, question: Question, inputs: Sequence[np.ndarray]) -> Result:
    """Explain one element of a run, and return the parts of its inputs that it is computed from.

    Raises:
        InvalidOption: the index does not fit the tensor.
        TooLarge: the run would take too much memory or time.
    """
    started = time.perf_counter()
    model, cached = execution.model(run)
    arrays = inputs_by_name(model.network, run.inputs, inputs)
    symbolic = model.concrete({name: array.shape for name, array in arrays.items()})
    address = question.element.address
    index = element_index(question.element, _shape(symbolic, address), symbolic.dtype(address))
    node, own = node_of_element(model.network, address)
    built = time.perf_counter()
    tensors, cost = computed(execution, run, model, inputs, _needed(symbolic, node, own))
    found = _explained(model, node, own, index, {**arrays, **tensors})
    parts = _parts(symbolic, address, index)
    timing = Timing(cached, (built - started) * 1e3, (time.perf_counter() - built) * 1e3, cost.seconds)
    execution.cache.trim()
    report = _report(model, run, arrays, parts)
    facts = {"of": {"address": address, "index": index}, **arithmetic_json(found, parts)}
    return report.result(timing, cost.macs, facts)


def _shape(symbolic: SymbolicNetwork, address: str) -> tuple[int, ...]:
    return tuple(length or 0 for length in symbolic.reply_shape(address))


def _needed(symbolic: SymbolicNetwork, node: Node | None, address: str) -> tuple[str, ...]:
    """Return the tensors to compute: the element's, and what its layer reads if its arithmetic is explained."""
    if node is None:
        return ()
    if not _is_explained(symbolic, node):
        return (address,)
    before = [node.address + PRE] if node.address + PRE in symbolic.network.pre_addresses else []
    read = [name for name in (*node.inputs, *_masks(node)) if name not in symbolic.network.inputs]
    return tuple(dict.fromkeys([address, *before, *node.outputs, *read]))


def _is_explained(symbolic: SymbolicNetwork, node: Node) -> bool:
    """Whether there is a rule for a layer, whose tensors have the batch first as the rule has it."""
    return type(node.layer) in rules() and symbolic.keeps_batch_first((*node.inputs, *node.outputs))


def _masks(node: Node) -> list[str]:
    """Return the masks of a call that have addresses."""
    return [name for name in (*node.keywords.get("mask", ()), *node.masks) if name is not None]


def _explained(
    model: BuiltModel, node: Node | None, address: str, index: tuple[int, ...], tensors: Arrays
) -> Arithmetic:
    value = tensors[address][index]
    if node is None:
        return Arithmetic(value, (), f"{address} is an input: its values come with the request.")
    if not _is_explained(model.symbolic, node):
        return Arithmetic(value, (), _no_rule(node))
    call = _call(model, node, index, tensors)
    if address == node.address + PRE and call.before is not None:
        plain = node.layer.model_copy(update={"activation": None})
        call = LayerCall(plain, address, call.reads, call.inputs, call.before, index, call.weights)
    return explain(call)


def _no_rule(node: Node) -> str:
    if type(node.layer) in rules():
        return f"{node.address} does not have the batch as its first axis, so that its arithmetic is not explained."
    return f"The arithmetic of {node.layer.type_name()} is not explained: `reads` is what it reads."


def _call(model: BuiltModel, node: Node, index: tuple[int, ...], tensors: Arrays) -> LayerCall[Any]:
    layer = model.symbolic.layers[node.path]
    weights = {name: as_array(variable.value) for name, variable in named_weights(layer)}
    mask = _mask(model, node, tensors) if isinstance(node.layer, MASKED) else None
    return LayerCall(
        node.layer, node.address, node.inputs, tuple(tensors[name] for name in node.inputs),
        tensors[node.outputs[0]], index, weights, tensors.get(node.address + PRE), mask,
    )  # fmt: skip


def _mask(model: BuiltModel, node: Node, tensors: Arrays) -> np.ndarray | None:
    named = _masks(node)
    if named:
        return tensors[named[0]]
    return implicit_mask(model, node, {name: tensors[name] for name in model.network.inputs})


def _parts(symbolic: SymbolicNetwork, address: str, index: tuple[int, ...]) -> dict[str, Part]:
    names = [name for name in symbolic.specs if symbolic.batch_axes[name].exists]
    shapes = {name: _shape(symbolic, name) for name in symbolic.specs}
    moved = {name for name in symbolic.specs if name not in names or not symbolic.batch_axes[name].is_plain}
    parts = parts_read(symbolic.network, shapes, address, index, moved)
    return {name: part for name, part in parts.items() if name in names}


def _report(model: BuiltModel, run: Run, arrays: Arrays, parts: Mapping[str, Part]) -> Report:
    """Build the reply: the part of each input that is read."""
    report = Report(model, {})
    for name in model.network.inputs:
        if name in parts:
            part = arrays[name][tuple(slice(*bounds) for bounds in parts[name].box)]
            info = TensorInfo(name, str(part.dtype), part.shape, part.nbytes)
            report.add_activation(Row(info, None, "InputLayer", None), np.ascontiguousarray(part), run)
    report.check_size(run.max_bytes)
    return report
