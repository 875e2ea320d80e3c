"""Writer of the shortest document that describes a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from models.documents.document import canonical
from models.layers.block import Block
from models.layers.layer import GRAPH_FIELDS
from models.layers.named import Named
from models.networks.nesting import Graph, Member, graph_of
from models.networks.network import Network
from models.networks.step_networks import step_network

LISTED = frozenset({"layers", "input", "outputs"})


def short_form(network: Network) -> dict[str, Any]:
    """Return a document of the same network without defaults; parsed again, it has the same identity."""
    graph, document = graph_of(network), network.document
    written: dict[str, Any] = {}
    if document.name is not None:
        written["name"] = document.name
    if document.seed:
        written["seed"] = document.seed
    if network.inputs:
        written["input"] = _inputs(network)
    written["layers"] = _layers(graph)
    if graph.outputs != _last(graph):
        written["outputs"] = list(graph.outputs)
    if not document.trainable:
        written["trainable"] = False
    if document.scale is not None:
        written["scale"] = document.scale
    if document.labels is not None:
        written["labels"] = document.labels
    return written


def _inputs(network: Network) -> Any:
    specs = {
        name: spec.shape if spec.dtype == "float32" else {"shape": spec.shape, "dtype": spec.dtype}
        for name, spec in network.inputs.items()
    }
    return specs["input"] if list(specs) == ["input"] else specs


def _layers(graph: Graph) -> list[dict[str, Any]]:
    previous = tuple(graph.inputs)
    written = []
    for member in graph.members:
        written.append(_member(member, previous))
        previous = member.calls[-1].outputs
    return written


def _last(graph: Graph) -> tuple[str, ...]:
    return graph.members[-1].calls[-1].outputs if graph.members else ()


def _member(member: Member, previous: tuple[str, ...]) -> dict[str, Any]:
    layer = member.layer
    written = {"type": layer.type_name(), "name": member.name, **_arguments(layer), **member.flags}
    if isinstance(layer, Block) and member.inner is not None:
        written |= _inside(layer, member.inner)
    if len(member.calls) > 1:
        written["calls"] = [list(call.inputs) for call in member.calls]
    elif member.calls[0].inputs != previous:
        written["inputs"] = list(member.calls[0].inputs)
    named = {"keywords": member.keywords, "positional": member.positional}
    return written | {name: value for name, value in named.items() if value is not None}


def _inside(block: Block, graph: Graph) -> dict[str, Any]:
    """Return the layers of a block, and the names of its inputs and outputs."""
    written: dict[str, Any] = {"input": block.input} if block.input != ["input"] else {}
    written["layers"] = _layers(graph)
    if graph.outputs != _last(graph):
        written["outputs"] = list(graph.outputs)
    return written


def _arguments(model: BaseModel) -> dict[str, Any]:
    """Return the fields that differ from their defaults."""
    left_out = GRAPH_FIELDS | (LISTED if isinstance(model, Block) else set())
    fields = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        default = field.get_default(call_default_factory=True)
        if name not in left_out and (default is PydanticUndefined or value != default):
            fields[name] = _short(value)
    return fields


def _short(value: Any) -> Any:
    match value:
        case Named():
            arguments = _arguments(value)
            name = str(canonical(value)["type"])
            return {"type": name, **arguments} if arguments else name
        case BaseModel() if "type" in type(value).model_fields:
            inside = _inside(value, graph_of(step_network(value, ()))) if isinstance(value, Block) else {}
            return {"type": canonical(value)["type"], **_arguments(value), **inside}
        case BaseModel():
            return _arguments(value)
        case list() | tuple():
            return [_short(item) for item in value]
        case Mapping():
            return {key: _short(item) for key, item in value.items()}
    return value
