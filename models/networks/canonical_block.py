"""Blocks inside layers in canonical form: every name and every address written out."""

from __future__ import annotations

from models.layers.block import Block
from models.layers.layer import Layer
from models.networks.nesting import Graph, Member


def spelled_out(block: Block, graph: Graph) -> Block:
    """Return a block whose graph is known, with nothing left to defaults."""
    return block.model_copy(
        update={"name": None, "layers": [_layer(member) for member in graph.members], "outputs": list(graph.outputs)}
    )


def _layer(member: Member) -> Layer:
    layer = member.layer
    if isinstance(layer, Block) and member.inner is not None:
        layer = spelled_out(layer, member.inner)
    inputs = [list(call.inputs) for call in member.calls]
    read = {"inputs": inputs[0], "calls": None} if len(inputs) == 1 else {"inputs": None, "calls": inputs}
    named = {"keywords": member.keywords, "positional": member.positional}
    return layer.model_copy(update={"name": member.name, **read, **named, **member.flags})
