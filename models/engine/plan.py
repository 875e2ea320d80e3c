"""Planned cost of a network, before it is built: shapes, bytes, parameters, multiply-adds, receptive fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import prod
from typing import Any, NamedTuple

import keras
import msgspec

from models.engine.block_layer import BlockLayer, held_block
from models.engine.rates import Rates
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.time_estimate import build_seconds, input_work, rounded, run_seconds
from models.engine.working_memory import inner_bytes, is_known, step_network_of, working_bytes
from models.layers.receptive_field import AxisField, ReceptiveField, merged
from models.layers.sizes import Shape, size_of
from models.networks.network import PRE, Network, Node
from models.tensors.dtypes import DTYPES
from models.views.view import View


def tensor_bytes(shape: Shape, dtype: str) -> int | None:
    """Return the bytes of a tensor; None if a dimension is free."""
    elements = size_of(shape)
    return None if elements is None else elements * DTYPES[dtype].itemsize


def parameter_count(variables: Iterable[keras.Variable]) -> int:
    """Return the number of values in these weights, from their shapes alone."""
    return sum(prod(variable.shape) for variable in variables)


def parameter_bytes(symbolic: SymbolicNetwork, addresses: Sequence[str] | None = None) -> int:
    """Return the bytes of all weights of a network, or of those that are sent with these addresses, once each."""
    layers = symbolic.layers
    if addresses is not None:
        nodes = (symbolic.network.node_of.get(address.removesuffix(PRE)) for address in addresses)
        paths = {node.path for node in nodes if node is not None}
        layers = {path: layer for path, layer in layers.items() if path in paths}
    weights = [weight for layer in layers.values() for weight in layer.weights]
    return sum(prod(weight.shape) * DTYPES[weight.dtype].itemsize for weight in weights)


def node_layers(symbolic: SymbolicNetwork, node: Node) -> dict[str, keras.Layer]:
    """Return the Keras layers of a node by path: its own, or all inside a block, with the weights that it owns."""
    if not node.is_block:
        return {node.path: symbolic.layers[node.path]}
    return {path: layer for path, layer in symbolic.layers.items() if f"{path}/".startswith(f"{node.path}/")}


def node_macs(symbolic: SymbolicNetwork, node: Node) -> int | None:
    """Return the multiply-adds of one call on the network's shapes; 0 for a block, which is counted inside."""
    if node.is_block:
        return 0
    block = held_block(symbolic.layers[node.path])
    if block is not None:
        return _macs_of_steps(block, symbolic.shape(node.inputs[0]))
    return node.layer.macs(symbolic.shapes(node.inputs), symbolic.shapes(node.outputs))


def _macs_of_steps(block: BlockLayer, shape: Shape) -> int | None:
    """Return the multiply-adds of a block that is applied to every step of an input of this shape."""
    step, steps = step_network_of(block, shape)
    if shape[0] is None or steps is None:
        return None
    count = total(node_macs(step, node) for node in step.network.nodes)
    return None if count is None else steps * count


def total(numbers: Iterable[int | None]) -> int | None:
    """Return the sum; None if a number is unknown."""
    values = list(numbers)
    return None if any(number is None for number in values) else sum(number for number in values if number is not None)


def plan_report(
    symbolic: SymbolicNetwork,
    addresses: Sequence[str],
    views: Mapping[str, View] | None = None,
    rates: Rates | None = None,
) -> dict[str, Any]:
    """Build the plan in the form of the reply of `POST /v1/plan`, for these addresses, with totals over the network.

    Raises:
        InvalidOption: a view does not fit its layer.
    """
    network, shared = symbolic.network, SharedFigures(receptive_fields(symbolic), rates)
    nodes = [node for node in network.calls if not node.is_block]
    inputs = {name: _tensor_row(symbolic, name) for name in symbolic.network.inputs}
    rows = [_row(symbolic, address, shared) | view_row(symbolic, address, views or {}) for address in addresses]
    return {
        "inputs": inputs,
        "layers": rows,
        "reply_bytes": total(row.get("view", row)["bytes"] for row in rows),
        "weight_bytes": parameter_bytes(symbolic, addresses),
        "run_macs": total(node_macs(symbolic, node) for node in symbolic.needed(list(addresses))),
        "totals": {
            "layers": len(nodes),
            "input_bytes": total(row["bytes"] for row in inputs.values()),
            "bytes": total(_tensor_row(symbolic, output)["bytes"] for node in nodes for output in node.outputs),
            **_parameters(network, symbolic.layers),
            "parameter_bytes": parameter_bytes(symbolic),
            "macs": total(node_macs(symbolic, node) for node in nodes),
            **shared.total_costs(symbolic),
        },
    }


class SharedFigures(NamedTuple):
    """Figures computed once for all rows."""

    fields: Mapping[str, ReceptiveField | None]
    rates: Rates | None

    def costs(self, symbolic: SymbolicNetwork, node: Node) -> dict[str, Any]:
        """Return the internal bytes and the seconds of one call; null where a shape is free, or the rates of the
        machine are unknown.
        """
        if not is_known(symbolic, [node]):
            return {"inner_bytes": None, "seconds": None}
        seconds = None if self.rates is None else rounded(run_seconds(symbolic, [node], self.rates))
        return {"inner_bytes": inner_bytes(symbolic, node), "seconds": seconds}

    def total_costs(self, symbolic: SymbolicNetwork) -> dict[str, Any]:
        """Return the same costs for the whole network, its inputs included."""
        nodes, extra = symbolic.network.nodes, input_work(symbolic)
        is_concrete = is_known(symbolic, nodes)
        seconds = None if self.rates is None else rounded(run_seconds(symbolic, nodes, self.rates, extra))
        return {
            "working_bytes": working_bytes(symbolic, nodes) if is_concrete else None,
            "seconds": seconds if is_concrete else None,
            "build_seconds": None if self.rates is None else rounded(build_seconds(symbolic, self.rates)),
        }


def _tensor_row(symbolic: SymbolicNetwork, address: str) -> dict[str, Any]:
    shape, dtype, in_graph = symbolic.reply_shape(address), symbolic.dtype(address), symbolic.in_graph(address)
    row = {"shape": shape, "dtype": dtype, "bytes": tensor_bytes(shape, dtype)}
    return row if in_graph is None else row | {"in_graph": msgspec.structs.asdict(in_graph)}


def view_row(symbolic: SymbolicNetwork, address: str, views: Mapping[str, View]) -> dict[str, Any]:
    """Return the planned view of a layer; empty without one."""
    if address not in views:
        return {}
    return {"view": views[address].row(symbolic.reply_shape(address), symbolic.dtype(address), address)}


def _parameters(network: Network, layers: Mapping[str, keras.Layer]) -> dict[str, int]:
    count = sum(parameter_count(layer.weights) for layer in layers.values())
    free = [layer for path, layer in layers.items() if not network.is_frozen(path)]
    trainable = sum(parameter_count(layer.trainable_weights) for layer in free)
    return {
        "parameters": count,
        "trainable_parameters": trainable,
        "non_trainable_parameters": count - trainable,
    }


def _row(symbolic: SymbolicNetwork, address: str, shared: SharedFigures) -> dict[str, Any]:
    tensor = address.removesuffix(PRE)
    node = symbolic.network.node_of.get(tensor)
    field = _field_json(shared.fields.get(tensor))
    if node is None:
        row = {"address": address, "type": "InputLayer", "inputs": [], **_tensor_row(symbolic, address)}
        row |= _parameters(symbolic.network, {})
        return row | {"macs": 0, "inner_bytes": 0, "seconds": 0.0, "receptive_field": field}
    return {
        "address": address,
        "type": node.layer.type_name(),
        "inputs": node.reads,
        **_tensor_row(symbolic, address),
        **_parameters(symbolic.network, node_layers(symbolic, node)),
        "macs": node_macs(symbolic, node),
        **shared.costs(symbolic, node),
        "receptive_field": field,
    }


def receptive_fields(symbolic: SymbolicNetwork) -> dict[str, ReceptiveField | None]:
    """Return the receptive field of each tensor's elements, by address; None where it is not a sliding window."""
    fields: dict[str, ReceptiveField | None] = {}
    for name in symbolic.network.inputs:
        rank = len(symbolic.shape(name)) - 2
        fields[name] = ReceptiveField(name, (AxisField(),) * rank) if rank > 0 else None
    for node in symbolic.calls:  # with the shapes of kernels that are weights
        read_fields = [fields[address] for address in node.inputs if symbolic.batch_axes[address].exists]
        output_fields = read_fields if node.is_block else [_through(symbolic, node, read_fields)] * len(node.outputs)
        fields.update(zip(node.outputs, output_fields, strict=True))
    return fields


def _through(symbolic: SymbolicNetwork, node: Node, fields: Sequence[ReceptiveField | None]) -> ReceptiveField | None:
    shapes = symbolic.shapes([name for name in node.inputs if symbolic.batch_axes[name].exists])
    if not shapes or len({shape[1:-1] for shape in shapes}) > 1:
        return None  # broadcast: one element of the smaller input goes with many of the larger
    field, windows = merged(fields), node.layer.windows(shapes[0])
    return field.through(windows) if field is not None and windows is not None else None


def _field_json(field: ReceptiveField | None) -> dict[str, Any] | None:
    if field is None:
        return None
    axes = [asdict(axis) for axis in field.axes]
    return {"input": field.input} | {key: [axis[key] for axis in axes] for key in ("size", "stride", "offset")}
