"""A document spelled out: every layer call a node, every tensor an address, nothing implied.

Blocks are expanded, defaults for `name` and `inputs` are filled in, and shared layers become one node
a call. The expanded form is what is planned, built and hashed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from models.document import Block, Document, InputSpec, canonical
from models.errors import InvalidDocument, Problem, did_you_mean, shown
from models.layer_names import layer_names
from models.layers.layer import GRAPH_FIELDS, Layer

MAX_NODES = 4096
"""Most layer calls of a network, once shared layers and blocks are written out for each of their calls."""
NO_WEIGHTS = ""
"""The weights digest of a network whose weights follow from its seed."""


@dataclass(frozen=True, slots=True)
class Node:
    """One call of one layer. `path` names the layer that owns the weights, `inputs` and `outputs` are addresses of
    tensors, `pointer` is its place in the document.
    """

    address: str
    path: str
    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    pointer: str

    @property
    def is_block(self) -> bool:
        """Whether this names the result of a block rather than computing anything."""
        return isinstance(self.layer, Block)


@dataclass(frozen=True)
class Network:
    """A resolved document. `nodes` are in an order in which they can be computed."""

    document: Document
    inputs: Mapping[str, InputSpec]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    names: Mapping[str, str]
    """Every spelling of an unambiguous tensor address → its canonical one."""
    ambiguous: Mapping[str, tuple[str, ...]]
    """Addresses that several tensors answer to → those tensors."""

    @cached_property
    def node_of(self) -> Mapping[str, Node]:
        """The node that computes each tensor."""
        return {output: node for node in self.nodes for output in node.outputs}

    def identity(self, weights_digest: str = NO_WEIGHTS) -> str:
        """`sha256:…` of the canonical network and its weights; spelling and the label `name` do not enter."""
        return "sha256:" + sha256(f"{self._canonical_json}\n{weights_digest}".encode()).hexdigest()

    @cached_property
    def _canonical_json(self) -> str:
        form = {
            "seed": self.document.seed,
            "inputs": canonical(dict(self.inputs)),
            "nodes": [
                {"address": node.address, "path": node.path, "inputs": node.inputs, "layer": _arguments(node)}
                for node in self.nodes
            ],
            "outputs": self.outputs,
        }
        return json.dumps(form, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _arguments(node: Node) -> dict[str, Any]:
    fields = GRAPH_FIELDS - {"type"} | ({"layers", "input", "outputs"} if node.is_block else set())
    return {key: value for key, value in canonical(node.layer).items() if key not in fields}


def expand(document: Document) -> Network:
    """The network of a document whose inputs are declared or not (then one input called `input` is assumed).

    Raises:
        InvalidDocument: for names used twice and addresses that lead nowhere.
    """
    return _Expansion(document).network()


@dataclass
class _Scope:
    """One list of layers: what its `input` means and where it lies.

    `prefix` begins the addresses inside (`encoder@0/`), `path` those of the layers that own the weights
    (`encoder/`): the calls of a block share them.
    """

    prefix: str
    path: str
    pointer: str
    inputs: dict[str, str]
    taken: set[str] = field(default_factory=set)


class _Expansion:
    """Walks a document once, collecting nodes and the addresses they define."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.inputs = dict(document.input or {"input": InputSpec(shape=[])})
        self.nodes: list[Node] = []
        self.names: dict[str, str] = {name: name for name in self.inputs}
        self.ambiguous: dict[str, tuple[str, ...]] = {}

    def network(self) -> Network:
        scope = _Scope("", "", "", {name: name for name in self.inputs}, set(self.inputs))
        last = self._layers(self.document.layers, scope)
        outputs = self._outputs(self.document.outputs, last, scope)
        declared = self.document.input or {}
        return Network(self.document, declared, tuple(self.nodes), outputs, self.names, self.ambiguous)

    def _layers(self, layers: Sequence[Layer], scope: _Scope) -> tuple[str, ...]:
        """Adds every layer of a list; the outputs of the last."""
        names = layer_names(layers, scope.taken, scope.pointer)
        before = tuple(scope.inputs.values())
        for position, (layer, name) in enumerate(zip(layers, names, strict=True)):
            pointer = f"{scope.pointer}/layers/{position}"
            calls = self._calls(layer, before, scope, pointer)
            before = self._layer(layer, name, calls, scope, pointer)
        return before

    def _calls(self, layer: Layer, before: tuple[str, ...], scope: _Scope, pointer: str) -> list[tuple[str, ...]]:
        """What each call of a layer reads."""
        if layer.inputs is not None and layer.calls is not None:
            problem = Problem(pointer + "/calls", "a layer has either inputs or calls", "one of the two", "both")
            raise InvalidDocument("", [problem])
        if layer.calls is not None:
            calls = [self._resolved(call, scope, f"{pointer}/calls/{n}") for n, call in enumerate(layer.calls)]
        elif layer.inputs is not None:
            calls = [self._resolved(layer.inputs, scope, f"{pointer}/inputs")]
        else:
            calls = [self._default(layer, before, pointer)]
        for number, call in enumerate(calls):
            _check_count(layer, call, f"{pointer}/inputs" if layer.calls is None else f"{pointer}/calls/{number}")
        return calls

    def _default(self, layer: Layer, before: tuple[str, ...], pointer: str) -> tuple[str, ...]:
        """The layer before, if that is one tensor."""
        if len(before) == 1 or layer.input_count[1] != 1:
            return before
        message = "what comes before has several tensors: say which one this layer reads"
        expected = f'"inputs" with one of {", ".join(before)}'
        problem = Problem(pointer + "/inputs", message, expected, "nothing", f'write "inputs": ["{before[0]}"]')
        raise InvalidDocument("", [problem])

    def _resolved(self, addresses: Iterable[str], scope: _Scope, pointer: str) -> tuple[str, ...]:
        return tuple(self._resolve(address, scope, f"{pointer}/{n}") for n, address in enumerate(addresses))

    def _resolve(self, address: str, scope: _Scope, pointer: str) -> str:
        """The tensor that an address means inside a scope."""
        if address in scope.inputs:
            return scope.inputs[address]
        full = scope.prefix + address
        if full in self.names:
            return self.names[full]
        raise InvalidDocument("", [self._unresolved(address, scope, pointer)])

    def _unresolved(self, address: str, scope: _Scope, pointer: str) -> Problem:
        full = scope.prefix + address
        if full in self.ambiguous:
            several = [name.removeprefix(scope.prefix) for name in self.ambiguous[full]]
            message = f"{shown(address)} names several tensors"
            return Problem(pointer, message, f"one of {', '.join(several)}", shown(address), f'write "{several[0]}"')
        inside = (name for name, canonical in self.names.items() if name == canonical and name.startswith(scope.prefix))
        known = [*scope.inputs, *(name.removeprefix(scope.prefix) for name in inside)]
        near = did_you_mean(address, known)
        return Problem(
            pointer,
            "no earlier layer has this address",
            f"one of {', '.join(list(dict.fromkeys(known))[-20:])}",
            shown(address),
            f'write "{near}"' if near else "name a layer that stands earlier in the list",
        )

    def _layer(
        self, layer: Layer, name: str, calls: list[tuple[str, ...]], scope: _Scope, pointer: str
    ) -> tuple[str, ...]:
        """Adds one node a call; the outputs of the last call."""
        path, base = scope.path + name, scope.prefix + name
        outputs: tuple[str, ...] = ()
        for number, call in enumerate(calls):
            address = base if len(calls) == 1 else f"{base}@{number}"
            outputs = self._node(layer, path, address, call, pointer)
        if len(calls) > 1:
            self.ambiguous[base] = tuple(f"{base}@{number}" for number in range(len(calls)))
        return outputs

    def _node(self, layer: Layer, path: str, address: str, call: tuple[str, ...], pointer: str) -> tuple[str, ...]:
        if isinstance(layer, Block):
            call = self._block(layer, path, address, call, pointer)
        if len(self.nodes) == MAX_NODES:
            problem = Problem(pointer, "the layers are called too often", f"at most {MAX_NODES:,} calls", "more")
            raise InvalidDocument("", [problem])
        count = len(call) if isinstance(layer, Block) else layer.output_count()
        outputs = (address,) if count == 1 else tuple(f"{address}#{number}" for number in range(count))
        self.nodes.append(Node(address, path, layer, call, outputs, pointer))
        self.names.update((output, output) for output in outputs)
        if count == 1:
            self.names[f"{address}#0"] = address
        else:
            self.ambiguous[address] = outputs
        return outputs

    def _block(self, block: Block, path: str, address: str, call: tuple[str, ...], pointer: str) -> tuple[str, ...]:
        """Adds what is inside a block; the tensors that it returns."""
        scope = _Scope(address + "/", path + "/", pointer, dict(zip(block.input, call, strict=True)), set(block.input))
        last = self._layers(block.layers, scope)
        return self._outputs(block.outputs, last, scope)

    def _outputs(self, outputs: Sequence[str] | None, last: tuple[str, ...], scope: _Scope) -> tuple[str, ...]:
        return last if outputs is None else self._resolved(outputs, scope, scope.pointer + "/outputs")


def _check_count(layer: Layer, call: tuple[str, ...], pointer: str) -> None:
    low, high = (len(layer.input),) * 2 if isinstance(layer, Block) else layer.input_count
    if low <= len(call) and (high is None or len(call) <= high):
        return
    expected = f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
    message = f"{type(layer).__name__} reads {expected} {'input' if expected == '1' else 'inputs'}"
    names = f", for {', '.join(layer.input)}" if isinstance(layer, Block) else ""
    problem = Problem(pointer, message, f"{expected} addresses{names}", f"{len(call)}")
    raise InvalidDocument("", [problem])
