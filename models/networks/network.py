"""A fully resolved document: every layer call a node, every tensor an address, nothing implied.

Blocks are expanded, defaults for `name` and `inputs` are filled in, and shared layers become one node
a call. The expanded form is what is planned, built and hashed. models/networks/expansion.py creates it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson

from models.documents.call_arguments import CallArguments
from models.documents.document import Document, canonical
from models.documents.inputs import InputSpec
from models.layers.block import Block
from models.layers.block_weights import OwnWeights
from models.layers.layer import GRAPH_FIELDS, Layer

PRE = ":pre"
"""Address suffix of the value that a fused activation is applied to."""
NO_WEIGHTS = ""
"""The weights digest of a network whose weights follow from its seed."""


@dataclass(frozen=True, slots=True)
class Local:
    """Addresses that a call reads and, for a block, returns, of the list that contains the layer: those inside a
    block are the same in all its calls, even where a call gives one tensor to two inputs.
    """

    inputs: tuple[str, ...]
    keywords: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    returned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One call of one layer. `path` names the layer that owns the weights, `inputs` and `outputs` are addresses of
    tensors, `pointer` is its location in the document.
    """

    address: str
    path: str
    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    pointer: str
    local: Local
    keywords: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    """Tensors read by name; None for an omitted one of several."""
    listed: frozenset[str] = frozenset()
    """The keywords that Keras takes as a list of tensors, even of one."""
    given: tuple[str, ...] = ()
    """Inputs of a block; its `inputs` are its results."""
    positional: int | None = None
    """Number of positional arguments of Keras' call; None for the inputs alone."""
    masks: tuple[str | None, ...] = ()
    """Masks of the inputs, one each, that were given to the block around this call; empty without any."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Every tensor that must be computed before this call."""
        if not (self.keywords or self.masks):
            return self.inputs
        named = (address for several in self.keywords.values() for address in several)
        return (*self.inputs, *(address for address in (*named, *self.masks) if address is not None))

    @property
    def arguments(self) -> CallArguments:
        """The arguments of the call."""
        if isinstance(self.layer, Block):
            masks = self.keywords.get("mask", ())
            return CallArguments(self.layer.input, self.given, separate=True, masks=masks)
        separate = self.layer.inputs_as == "positional"
        return CallArguments(self.layer.call_names(), self.inputs, separate, self.keywords)

    @property
    def flattened(self) -> tuple[str, ...]:
        """The tensors of the call, in the order in which Keras flattens its arguments."""
        return self.arguments.flattened(self.positional)

    @property
    def owns_weights(self) -> bool:
        """Whether this gives the weights of the block whose path it has."""
        return isinstance(self.layer, OwnWeights)

    @property
    def is_block(self) -> bool:
        """Whether this names the result of a block rather than computing anything."""
        return isinstance(self.layer, Block)


@dataclass(frozen=True)
class Network:
    """A resolved document. `nodes` are in topological order."""

    document: Document
    inputs: Mapping[str, InputSpec]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    names: Mapping[str, str]
    """Every spelling of an unambiguous tensor address → its canonical one."""
    ambiguous: Mapping[str, tuple[str, ...]]
    """Ambiguous addresses → the tensors they may mean."""

    @cached_property
    def calls(self) -> tuple[Node, ...]:
        """The calls of layers and blocks: every node but the weights that blocks own, which have no addresses."""
        return tuple(node for node in self.nodes if not node.owns_weights)

    @cached_property
    def own_weights(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that give the weights of a block itself, by the path of the block."""
        paths: dict[str, tuple[Node, ...]] = {}
        for node in self.nodes:
            if node.owns_weights:
                paths[node.path] = (*paths.get(node.path, ()), node)
        return paths

    @cached_property
    def node_of(self) -> Mapping[str, Node]:
        """The node that computes each tensor."""
        return {output: node for node in self.nodes for output in node.outputs}

    @cached_property
    def layer_outputs(self) -> tuple[str, ...]:
        """The outputs of the layers, in order of computation; a block's results are those of its last layers, and a
        layer of their own only if it owns weights.
        """
        blocks = {node.address for node in self.calls if isinstance(node.layer, Block) and not node.layer.weights}
        return tuple(output for node in self.calls if node.address not in blocks for output in node.outputs)

    def is_frozen(self, path: str) -> bool:
        """Whether a model around the layer of this path, or the block that owns its weights, is not trainable."""
        return not self.document.trainable or any(f"{path}/".startswith(model) for model in self._frozen_models)

    @cached_property
    def _frozen_models(self) -> tuple[str, ...]:
        """Path prefixes of the layers in blocks that are not trainable."""
        return tuple({f"{node.path}/": None for node in self.nodes if node.is_block and not node.layer.trainable})

    @cached_property
    def pre_addresses(self) -> Mapping[str, str]:
        """`address:pre` → the layer call with the fused activation."""
        return {node.address + PRE: node.address for node in self.nodes if node.layer.has_activation()}

    def identity(self, weights_digest: str = NO_WEIGHTS) -> str:
        """Return `sha256:…` of the canonical network and its weights; spelling, `name` and `labels` are excluded."""
        if weights_digest not in self._identities:
            digest = sha256(f"{self._canonical_json()}\n{weights_digest}".encode()).hexdigest()
            self._identities[weights_digest] = f"sha256:{digest}"
        return self._identities[weights_digest]

    @cached_property
    def _identities(self) -> dict[str, str]:
        """Identities by digest of the weights."""
        return {}

    @cached_property
    def document_bytes(self) -> bytes:
        """The document as sent to an engine, which needs no labels: networks that differ in them are built once."""
        return orjson.dumps(canonical(self.document.with_labels(None)))

    def _canonical_json(self) -> str:
        form = {
            "seed": self.document.seed,
            "inputs": canonical(dict(self.inputs)),
            "nodes": [
                {"address": node.address, "path": node.path, "inputs": node.inputs, "layer": _arguments(node)}
                | ({"keywords": dict(node.keywords)} if node.keywords else {})
                | ({"masks": node.masks} if node.masks else {})
                | ({"order": node.flattened} if node.flattened != node.arguments.flattened() else {})
                for node in self.nodes
            ],
            "outputs": self.outputs,
        }
        form |= {"scale": self.document.scale} if self.document.scale is not None else {}
        form |= {} if self.document.trainable else {"trainable": False}
        return json.dumps(form, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _arguments(node: Node) -> dict[str, Any]:
    fields = GRAPH_FIELDS - {"type"} | ({"layers", "input", "outputs", "class_name"} if node.is_block else set())
    return {key: _without_labels(value) for key, value in canonical(node.layer).items() if key not in fields}


def _without_labels(value: Any) -> Any:
    """Return an argument without the labels of its blocks that only weights files need."""
    if isinstance(value, dict):
        dropped = {"class_name"} if value.get("type") == "Block" else set()
        return {key: _without_labels(item) for key, item in value.items() if key not in dropped}
    return [_without_labels(item) for item in value] if isinstance(value, list) else value
