"""What a network will cost, before it is built: shapes, bytes, parameters, multiply-adds, receptive fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import prod
from typing import Any

import keras

from models.engine.block_layer import BlockLayer, held_block
from models.engine.outline import Outline
from models.errors import Problem, TooLarge
from models.layers.layer import Shape, size_of
from models.network import PRE, Network, Node
from models.receptive_field import AxisField, ReceptiveField, merged
from models.tensors.dtypes import DTYPES
from models.views.view import View


def tensor_bytes(shape: Shape, dtype: str) -> int | None:
    """Bytes of a tensor; None when a dimension is free."""
    elements = size_of(shape)
    return None if elements is None else elements * DTYPES[dtype].itemsize


def parameter_count(variables: Iterable[keras.Variable]) -> int:
    """Numbers in these weights, counted from their shapes alone."""
    return sum(prod(variable.shape) for variable in variables)


def parameter_bytes(outline: Outline) -> int:
    """Bytes of all weights of a network."""
    weights = [weight for layer in outline.layers.values() for weight in layer.weights]
    return sum(prod(weight.shape) * DTYPES[weight.dtype].itemsize for weight in weights)


def node_layers(outline: Outline, node: Node) -> dict[str, keras.Layer]:
    """The Keras layers of a node by path: its own, or all that lie inside a block."""
    if not node.is_block:
        return {node.path: outline.layers[node.path]}
    return {path: layer for path, layer in outline.layers.items() if path.startswith(node.path + "/")}


def node_macs(outline: Outline, node: Node) -> int | None:
    """Multiply-adds of one call on the outline's shapes; a block's are counted inside it."""
    if node.is_block:
        return 0
    block = held_block(outline.layers[node.path])
    if block is not None:
        return _macs_of_steps(block, outline.shape(node.inputs[0]))
    return node.layer.macs(outline.shapes(node.inputs), outline.shapes(node.outputs))


def _macs_of_steps(block: BlockLayer, shape: Shape) -> int | None:
    """Multiply-adds of a block that is applied to every step of an input of this shape."""
    inner = block.built_outline
    rank = len(inner.shape(next(iter(inner.network.inputs))))
    batch, steps = shape[0], size_of(shape[1 : 1 + len(shape) - rank])
    if batch is None or steps is None:
        return None
    one = inner.on_batch(batch)
    count = total(node_macs(one, each) for each in one.network.nodes)
    return None if count is None else steps * count


def total(numbers: Iterable[int | None]) -> int | None:
    """The sum; None when one of them is unknown."""
    known = list(numbers)
    return None if any(number is None for number in known) else sum(number for number in known if number is not None)


def plan_report(outline: Outline, addresses: Sequence[str], views: Mapping[str, View] | None = None) -> dict[str, Any]:
    """The plan as the reply of `POST /v1/plan`, for the layers asked for, with totals over the whole network.

    Raises:
        InvalidOption: a view does not fit its layer.
    """
    network, fields = outline.network, receptive_fields(outline)
    nodes = [node for node in network.nodes if not node.is_block]
    inputs = {name: _tensor_row(outline, name) for name in outline.network.inputs}
    rows = [_row(outline, address, fields) | _viewed(outline, address, views or {}) for address in addresses]
    return {
        "inputs": inputs,
        "layers": rows,
        "reply_bytes": total(row.get("view", row)["bytes"] for row in rows),
        "totals": {
            "layers": len(nodes),
            "input_bytes": total(row["bytes"] for row in inputs.values()),
            "bytes": total(_tensor_row(outline, output)["bytes"] for node in nodes for output in node.outputs),
            **_parameters(network, outline.layers),
            "parameter_bytes": parameter_bytes(outline),
            "macs": total(node_macs(outline, node) for node in nodes),
        },
    }


def _tensor_row(outline: Outline, address: str) -> dict[str, Any]:
    shape, dtype = outline.shape(address), outline.dtype(address)
    return {"shape": shape, "dtype": dtype, "bytes": tensor_bytes(shape, dtype)}


def _viewed(outline: Outline, address: str, views: Mapping[str, View]) -> dict[str, Any]:
    if address not in views:
        return {}
    return {"view": views[address].row(outline.shape(address), outline.dtype(address), address)}


def _parameters(network: Network, layers: Mapping[str, keras.Layer]) -> dict[str, int]:
    count = sum(parameter_count(layer.weights) for layer in layers.values())
    free = [layer for path, layer in layers.items() if not network.is_frozen(path)]
    trainable = sum(parameter_count(layer.trainable_weights) for layer in free)
    return {
        "parameters": count,
        "trainable_parameters": trainable,
        "non_trainable_parameters": count - trainable,
    }


def _row(outline: Outline, address: str, fields: Mapping[str, ReceptiveField | None]) -> dict[str, Any]:
    tensor = address.removesuffix(PRE)
    node = outline.network.node_of.get(tensor)
    if node is None:
        row = {"address": address, "type": "InputLayer", **_tensor_row(outline, address)}
        return row | _parameters(outline.network, {}) | {"macs": 0, "receptive_field": _field_json(fields.get(tensor))}
    return {
        "address": address,
        "type": node.layer.type_name(),
        **_tensor_row(outline, address),
        **_parameters(outline.network, node_layers(outline, node)),
        "macs": node_macs(outline, node),
        "receptive_field": _field_json(fields.get(tensor)),
    }


def receptive_fields(outline: Outline) -> dict[str, ReceptiveField | None]:
    """What each tensor's elements see of the input, by address; None where that is not a sliding window."""
    fields: dict[str, ReceptiveField | None] = {}
    for name in outline.network.inputs:
        rank = len(outline.shape(name)) - 2
        fields[name] = ReceptiveField(name, (AxisField(),) * rank) if rank > 0 else None
    for node in outline.network.nodes:
        read = [fields[address] for address in node.inputs]
        found = read if node.is_block else [_through(outline, node, read)] * len(node.outputs)
        fields.update(zip(node.outputs, found, strict=True))
    return fields


def _through(outline: Outline, node: Node, read: Sequence[ReceptiveField | None]) -> ReceptiveField | None:
    shapes = outline.shapes(node.inputs)
    if len({shape[1:-1] for shape in shapes}) > 1:
        return None  # broadcast: one element of the smaller input goes with many of the larger
    field, windows = merged(read), node.layer.windows(shapes[0])
    return field.through(windows) if field is not None and windows is not None else None


def _field_json(field: ReceptiveField | None) -> dict[str, Any] | None:
    if field is None:
        return None
    axes = [asdict(axis) for axis in field.axes]
    return {"input": field.input} | {key: [axis[key] for axis in axes] for key in ("size", "stride", "offset")}


def sent_bytes(outline: Outline, outputs: Sequence[str], views: Mapping[str, View]) -> dict[str, int]:
    """Bytes of each output as it is sent, after its view. Every shape of `outline` is concrete.

    Raises:
        InvalidOption: a view does not fit its layer.
    """
    viewed = {address: _viewed(outline, address, views) for address in outputs}
    return {address: row["view"]["bytes"] if row else outline.nbytes(address) for address, row in viewed.items()}


def admit(outline: Outline, wanted: Mapping[str, int], max_bytes: int, max_working_bytes: int, max_macs: int) -> None:
    """Refuse, by the plan's figures, what would not fit. Every shape of `outline` is concrete.

    `wanted` gives the bytes that each output asked for is sent as.

    Raises:
        TooLarge: with the figures, and the selection or batch that would fit.
    """
    if sum(wanted.values()) > max_bytes:
        raise TooLarge("", [_reply_problem(outline, wanted, max_bytes)])
    needed = [node for node in outline.needed(list(wanted)) if not node.is_block]
    working = sum(outline.nbytes(output) for node in needed for output in node.outputs)
    if working > max_working_bytes:
        raise TooLarge("", [_working_problem(outline, working, max_working_bytes)])
    macs = total(node_macs(outline, node) for node in needed)
    if macs is not None and macs > max_macs:
        raise TooLarge("", [_limit_problem("the work is over its limit", max_macs, macs, "multiply-adds")])


def _limit_problem(message: str, limit: int, received: int, unit: str, suggestion: str | None = None) -> Problem:
    return Problem("", message, f"at most {limit:,} {unit}", f"{received:,} {unit}", suggestion)


def _reply_problem(outline: Outline, wanted: Mapping[str, int], limit: int) -> Problem:
    fitting = _fitting(wanted, limit)
    if fitting:
        suggestion = f"ask for fewer layers; these fit together: {', '.join(fitting)}"
    else:
        suggestion = _batch_suggestion(outline, sum(wanted.values()), limit)
    problem = _limit_problem(
        "the activations asked for are over the limit", limit, sum(wanted.values()), "bytes", suggestion
    )
    return Problem("/layers", problem.message, problem.expected, problem.received, problem.suggestion)


def _fitting(wanted: Mapping[str, int], limit: int) -> list[str]:
    """The layers that fit when the smallest go first, in network order; at most twenty are named."""
    chosen: set[str] = set()
    left = limit
    for address, nbytes in sorted(wanted.items(), key=lambda item: item[1]):
        if nbytes > left:
            break
        chosen.add(address)
        left -= nbytes
    return [address for address in wanted if address in chosen][:20]


def _working_problem(outline: Outline, working: int, limit: int) -> Problem:
    suggestion = _batch_suggestion(outline, working, limit)
    return _limit_problem("the activations to compute are over the limit", limit, working, "bytes", suggestion)


def _batch_suggestion(outline: Outline, nbytes: int, limit: int) -> str:
    batch = max((outline.shape(name)[0] or 1 for name in outline.network.inputs), default=1)
    fitting = batch * limit // max(nbytes, 1)
    return f"a batch of at most {fitting} would fit" if fitting >= 1 else "use a smaller input or fewer filters"
