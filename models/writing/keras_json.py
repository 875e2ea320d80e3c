"""Writer of Keras JSON: a network in a form that `keras.models.model_from_json` loads in plain Keras."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from models.errors import InvalidDocument
from models.layers.activation_names import KERAS2_HARD_SIGMOID
from models.layers.block import Block
from models.layers.layer import Layer
from models.layers.operations import Operation
from models.layers.operations_arranging import BroadcastToOp
from models.layers.sizes import Shape
from models.networks.nesting import CallForm, Graph, Member, graph_of
from models.networks.network import Network, Node
from models.networks.step_networks import Tensors
from models.writing.keras_arguments import layer_config, operands_of, refuse_block, repeating, serialise


@dataclass(frozen=True)
class Planned:
    """A network and its tensors, inputs included; the same for the blocks that layers apply to steps, by the path of
    the layer.
    """

    network: Network
    tensors: Tensors
    steps: Mapping[str, Planned] = field(default_factory=dict)


def keras_json_of(planned: Planned) -> dict[str, Any]:
    """Serialise as a Functional model with the document's own names; blocks become models inside it.

    Raises:
        InvalidDocument: a layer reads from inside a block, which Keras' models cannot.
    """
    document = planned.network.document
    return _model(document.name or "model", graph_of(planned.network), planned, trainable=document.trainable)


def _model(
    name: str, graph: Graph, planned: Planned, calls: Sequence[CallForm] = (), trainable: bool = True
) -> dict[str, Any]:
    """Serialise a Functional model; `calls` are those of a block."""
    reads = {
        local: _common_shape([planned.tensors[t] for t in several])
        for local, several in _input_tensors(graph, calls).items()
    }
    blocks = {member.name for member in graph.members if member.inner is not None}
    config = {
        "name": name,
        "trainable": trainable,
        "layers": [
            *(_input(local, *spec) for local, spec in reads.items()),
            *(_member(member, planned) for member in graph.members),
        ],
        "input_layers": _one_or_all([[local, 0, 0] for local in reads]),
        "output_layers": _one_or_all([_history(address, blocks) for address in graph.outputs]),
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }


def _one_or_all(tensors: list[Any]) -> Any:
    """Unwrap a single tensor: TimeDistributed finds no shape for a model with a list of one input."""
    return tensors[0] if len(tensors) == 1 else tensors


def _input_tensors(graph: Graph, calls: Sequence[CallForm]) -> dict[str, list[str]]:
    """Return the tensors of each input of a list: one, or one a call."""
    if not calls:
        return {local: [local] for local in graph.inputs}
    return {local: [call.node.given[n] for call in calls] for n, local in enumerate(graph.inputs)}


def _common_shape(several: Sequence[tuple[Shape, str]]) -> tuple[Shape, str]:
    """Return a shape that fits all: a dimension that differs is free."""
    shapes = [shape for shape, _ in several]
    lengths = [dimensions[0] if len(set(dimensions)) == 1 else None for dimensions in zip(*shapes, strict=True)]
    return tuple(lengths), several[0][1]


def _input(name: str, shape: Shape, dtype: str) -> dict[str, Any]:
    config = {"batch_shape": list(shape), "dtype": dtype, "sparse": False, "ragged": False, "name": name,
              "optional": False}  # fmt: skip
    return {"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None,
            "name": name, "inbound_nodes": []}  # fmt: skip


def _freeze(entry: dict[str, Any]) -> None:
    """Freeze a model and all in it: Keras uses the flags of its layers."""
    config = entry["config"]
    if "trainable" in config:
        config["trainable"] = False
    for inner in config.get("layers", ()):
        _freeze(inner)


def _member(member: Member, planned: Planned) -> dict[str, Any]:
    if isinstance(member.layer, Block) and member.layer.weights:
        raise _weights_refusal(member.calls[0].node, member.layer)
    if member.inner is not None:
        entry = _model(member.name, member.inner, planned, member.calls)
    else:
        entry = layer_config(
            _runnable(member, planned), member.name, partial(_step_block, planned.steps.get(member.calls[0].node.path))
        )
    if member.inner is None:
        _refuse_foreign(entry["config"], member.calls[0].node)
    if isinstance(member.layer, Block) and not member.layer.trainable:
        _freeze(entry)
    nodes = [_node(member.layer, call, planned) for call in member.calls]
    return entry | {"name": member.name, "inbound_nodes": nodes}


def _weights_refusal(node: Node, block: Block) -> InvalidDocument:
    message, expected = f"{node.address} owns weights, as no model of Keras does", "blocks without weights of their own"
    advice = "?as=document has them"
    received = ", ".join(block.weights)
    return InvalidDocument.at(f"{node.pointer}/weights", message, expected, received, advice)


def _runnable(member: Member, planned: Planned) -> Layer:
    """Return the layer, or one that computes the same where Keras cannot run it for a batch of any size."""
    if not isinstance(member.layer, BroadcastToOp):
        return member.layer
    node = member.calls[0].node
    layer = repeating(member.layer, [planned.tensors[call.node.inputs[0]][0] for call in member.calls])
    if layer is None:
        message = f"{node.address} repeats other axes in other calls, which Keras' Tile does not"
        raise InvalidDocument.at(node.pointer, message, expected="the same repetitions in all calls", received="others")
    return layer


def _refuse_foreign(config: Any, node: Node) -> None:
    """Refuse an activation function that Keras 3 lacks, in a layer or one that it holds."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if value == KERAS2_HARD_SIGMOID:
            message, expected = f"{node.address} uses the hard_sigmoid of Keras 2", "an activation of Keras 3"
            raise InvalidDocument.at(node.pointer, message, expected=expected, received=KERAS2_HARD_SIGMOID)
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _step_block(planned: Planned | None, block: Block) -> dict[str, Any]:
    """Serialise a block that a layer applies to steps."""
    if planned is None:
        raise TypeError(f"no plan of {block.default_name()}")
    entry = _model(block.name or block.default_name(), graph_of(planned.network), planned)
    if not block.trainable:
        _freeze(entry)
    return entry


def _node(layer: Layer, call: CallForm, planned: Planned) -> dict[str, Any]:
    """Serialise one call."""
    addresses = call.node.given if isinstance(layer, Block) else call.node.inputs
    tensors = [
        _tensor(local, planned.tensors[address], call) for local, address in zip(call.inputs, addresses, strict=True)
    ]
    named = {
        name: [
            None if local is None else _tensor(local, planned.tensors[str(address)], call)
            for local, address in zip(several, call.node.keywords[name], strict=True)
        ]
        for name, several in call.keywords.items()
    }
    kwargs = {name: values if name in call.node.listed else values[0] for name, values in named.items()}
    fields = {name: getattr(call.node.layer, name) for name in layer.call_fields}
    flags = {name: value for name, value in fields.items() if value != type(layer).model_fields[name].default}
    arrays = {name: serialise(value, refuse_block) for name, value in constants_of(layer).items()}
    args, by_name = _by_position(call.node, tensors, kwargs)
    return {"args": args, "kwargs": flags | arrays | by_name}


def constants_of(layer: Layer) -> dict[str, Any]:
    """Return the constants in place of the tensors that a call of an operation reads by name."""
    constants = {name: getattr(layer, name, None) for name in layer.call_tensors()}
    return {name: constant for name, constant in constants.items() if constant is not None}


def _by_position(node: Node, tensors: list[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the keyword arguments, as many each as in the original network."""
    layer, count = node.layer, node.positional
    if isinstance(layer, Operation):
        return operands_of(layer, tensors), kwargs
    if isinstance(layer, Block):
        several = dict(zip(layer.input, tensors, strict=True)) if count is not None else tensors
        return [several if len(tensors) > 1 else tensors[0]], kwargs
    inputs = tensors if layer.inputs_as == "positional" else [tensors if layer.inputs_as == "list" else tensors[0]]
    if count is None:
        return inputs, kwargs
    names = layer.call_names()
    arguments = dict(zip(names, inputs, strict=False)) | kwargs
    by_position = [name for name in names if name in arguments][:count]
    args = [arguments.pop(name, None) for name in names[: names.index(by_position[-1]) + 1]] if by_position else []
    return args, arguments


def _tensor(local: str, spec: tuple[Shape, str], call: CallForm) -> dict[str, Any]:
    if "/" in local:
        message = f"{call.node.address} reads {local}, from inside a block, which Keras' models cannot"
        raise InvalidDocument.at(call.node.pointer, message, expected="a tensor that the block returns", received=local)
    shape, dtype = spec
    config = {"shape": list(shape), "dtype": dtype, "keras_history": _history(local)}
    return {"class_name": "__keras_tensor__", "config": config}


def _history(local: str, blocks: set[str] | None = None) -> list[Any]:
    """Return [layer, call, output]; among a model's outputs, Keras counts the calls of models from 1."""
    match = re.fullmatch(r"([^/@#]+)(?:@(\d+))?(?:#(\d+))?", local)
    if match is None:
        message = f"the network returns {local}, from inside a block, which Keras' models cannot"
        raise InvalidDocument.at("/outputs", message, expected="a tensor that the block returns", received=local)
    name, call, output = match.groups()
    return [name, int(call or 0) + (name in (blocks or ())), int(output or 0)]
