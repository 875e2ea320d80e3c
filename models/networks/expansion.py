"""Expansion of a document to its network: blocks are opened, names and inputs filled in, calls ordered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from models.documents.document import Document
from models.documents.inputs import InputSpec
from models.errors import InvalidDocument
from models.layers.block import Block
from models.layers.block_weights import OwnWeights
from models.layers.layer import Layer
from models.layers.wrapping import TimeDistributed
from models.networks.call_problems import check_count, too_many, unknown_keyword, unresolved
from models.networks.calls import Call, Scope, block_masks, calls_of, default_inputs
from models.networks.canonical_block import spelled_out
from models.networks.layer_names import layer_names
from models.networks.nesting import graph_of
from models.networks.network import Local, Network, Node

MAX_NODES = 4096
"""Most calls of layers in one network; those inside a block count each time that the block is called."""


def expand(document: Document) -> Network:
    """Expand a document. If it declares no inputs, one named `input` is assumed.

    Raises:
        InvalidDocument: for duplicate names and unknown addresses.
    """
    return _Expansion(document).network()


class _Expansion:
    """Walks a document once, collecting nodes and the addresses they define."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.inputs = dict(document.input or {"input": InputSpec(shape=[])})
        self.nodes: list[Node] = []
        self.names: dict[str, str] = {name: name for name in self.inputs}
        self.ambiguous: dict[str, tuple[str, ...]] = {}

    def network(self) -> Network:
        scope = Scope("", "", "", {name: name for name in self.inputs})
        last = self._layers(self.document.layers, scope)
        outputs = self._outputs(self.document.outputs, last, scope)
        declared = self.document.input or {}
        tensors = scope.tensors(outputs)
        return Network(self.document, declared, tuple(self.nodes), tensors, self.names, self.ambiguous)

    def _layers(self, layers: Sequence[Layer], scope: Scope) -> tuple[str, ...]:
        """Add the calls of a list of layers in topological order; return the outputs of the last layer."""
        scope.names = layer_names(layers, {*scope.inputs, *scope.weights}, scope.pointer)
        scope.results = [tuple(scope.inputs), *(None for _ in layers)]
        blocked: dict[str, list[Call]] = {}
        for next_call in (call for position, layer in enumerate(layers) for call in calls_of(layer, position, scope)):
            ready = [next_call]
            while ready:
                call = ready.pop()
                missing = self._missing_layer(call, scope)
                if missing is not None:
                    blocked.setdefault(missing, []).append(call)
                else:
                    self._add_call(call, scope)
                    ready += reversed(blocked.pop(scope.names[call.position], []))
        if blocked:
            self._refuse_cycle([call for calls in blocked.values() for call in calls], scope)
        return scope.results[-1] or ()

    def _missing_layer(self, call: Call, scope: Scope) -> str | None:
        """Return a layer of this list that must be added before a call; None if the call is ready.

        Raises:
            InvalidDocument: for an address that no layer of the list can define.
        """
        if call.reads is None and scope.results[call.position] is None:
            return scope.names[call.position - 1]
        for address in call.addresses():
            full = scope.prefix + address
            if scope.declares(address) or full in self.names:
                continue
            head = re.split("[/@#:]", address, maxsplit=1)[0]
            if full in self.ambiguous or head not in scope.names:
                self._add_call(call, scope)  # raises, with a pointer to the address
            return head
        return None

    def _refuse_cycle(self, blocked: list[Call], scope: Scope) -> None:
        """Raise InvalidDocument for calls of which each waits for another, or for an output that a layer lacks."""
        first = min(blocked, key=lambda call: (call.position, call.number))
        if first.reads is None:
            first = next(call for call in blocked if call.reads is not None)
        self._add_call(first, scope)

    def _add_call(self, call: Call, scope: Scope) -> None:
        if call.reads is None:
            inputs = default_inputs(call, scope.results[call.position] or ())
        else:
            inputs = self._resolve_all(call.reads, scope, call.inputs_pointer())
        keywords = {name: self._keyword(name, several, call, scope) for name, several in call.keywords.items()}
        local = Local(inputs, keywords)
        check_count(call.layer, inputs, call.inputs_pointer())
        name = scope.names[call.position]
        address = scope.prefix + name if call.of == 1 else f"{scope.prefix}{name}@{call.number}"
        if call.of > 1:
            self.ambiguous[scope.prefix + name] = tuple(f"{scope.prefix}{name}@{n}" for n in range(call.of))
        outputs = self._add_node(call, scope, address, local)
        if call.number == call.of - 1:
            scope.results[call.position + 1] = tuple(output.removeprefix(scope.prefix) for output in outputs)

    def _keyword(self, name: str, several: Sequence[str | None], call: Call, scope: Scope) -> tuple[str | None, ...]:
        if name not in call.layer.call_tensors():
            raise InvalidDocument("", [unknown_keyword(name, call)])
        pointer = f"{call.keywords_pointer()}/{name}"
        pointers = [f"{pointer}/{number}" if name in call.listed else pointer for number in range(len(several))]
        pairs = zip(several, pointers, strict=True)
        return tuple(None if address is None else self._resolve(address, scope, item) for address, item in pairs)

    def _resolve_all(self, addresses: Iterable[str], scope: Scope, pointer: str) -> tuple[str, ...]:
        return tuple(self._resolve(address, scope, f"{pointer}/{n}") for n, address in enumerate(addresses))

    def _resolve(self, address: str, scope: Scope, pointer: str) -> str:
        """Return the canonical spelling of an address inside a scope."""
        if scope.declares(address):
            return address
        full = scope.prefix + address
        if full in self.names:
            return self.names[full].removeprefix(scope.prefix)
        raise InvalidDocument("", [unresolved(address, scope, pointer, self.names, self.ambiguous)])

    def _add_node(self, call: Call, scope: Scope, address: str, local: Local) -> tuple[str, ...]:
        if len(self.nodes) >= MAX_NODES:
            raise InvalidDocument("", [too_many(call.pointer, MAX_NODES)])
        layer, path = _expand_step_block(call.layer, call.pointer), scope.path + scope.names[call.position]
        inputs = scope.tensors(local.inputs)
        block_inputs: tuple[str, ...] = ()
        if isinstance(layer, Block):
            inner = Scope(
                address + "/", path + "/", call.pointer,
                dict(zip(layer.input, inputs, strict=True)), block_masks(layer, local, scope, call),
            )  # fmt: skip
            inner.weights = self._add_weights(layer, address, path, inputs, call.pointer)
            local = replace(local, returned=self._outputs(layer.outputs, self._layers(layer.layers, inner), inner))
            inputs, block_inputs = inner.tensors(local.returned), inputs
        outputs = self._add_names(address, len(inputs) if isinstance(layer, Block) else layer.output_count())
        keywords = {
            name: tuple(read and scope.tensor(read) for read in several) for name, several in local.keywords.items()
        }
        node = Node(address, path, layer, inputs, outputs, call.pointer, local, keywords, call.listed, block_inputs,
                    call.positional, () if block_inputs else scope.masks_of(local.inputs))  # fmt: skip
        self.nodes.append(node)
        return outputs

    def _add_weights(
        self, block: Block, address: str, path: str, inputs: tuple[str, ...], pointer: str
    ) -> dict[str, str]:
        """Add the weights that a block owns; returns their tensors by name. They are computed from no input, but every
        call of Keras has one.
        """
        if not block.weights:
            return {}
        tensors = {name: f"{address}/{name}" for name in block.weights}
        layer, read = OwnWeights.of(block.weights), inputs[:1]
        self.nodes.append(Node(f"{address}:weights", path, layer, read, tuple(tensors.values()), pointer, Local(read)))
        return tensors

    def _add_names(self, address: str, count: int) -> tuple[str, ...]:
        """Return the addresses of a call's outputs, and add their spellings."""
        outputs = (address,) if count == 1 else tuple(f"{address}#{number}" for number in range(count))
        self.names.update((output, output) for output in outputs)
        if count == 1:
            self.names[f"{address}#0"] = address
        else:
            self.ambiguous[address] = outputs
        return outputs

    def _outputs(self, outputs: Sequence[str] | None, last: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
        return last if outputs is None else self._resolve_all(outputs, scope, scope.pointer + "/outputs")


def _expand_step_block(layer: Layer, pointer: str) -> Layer:
    """Return the layer with a block that it applies to steps spelled out, so that equal networks have one form."""
    if not isinstance(layer, TimeDistributed):
        return layer
    inner_pointer = f"{pointer}/layer"
    block = layer.layer
    if not isinstance(block, Block):
        return layer.model_copy(update={"layer": _expand_step_block(block, inner_pointer)})
    if block.weights:
        expected, received = "weights of the layers inside", ", ".join(block.weights)
        message = "a block that is applied to steps owns no weights"
        raise InvalidDocument.at(f"{inner_pointer}/weights", message, expected=expected, received=received)
    inputs = {name: InputSpec(shape=[]) for name in block.input}
    document = Document.model_construct(layers=block.layers, input=inputs, outputs=block.outputs)
    try:
        graph = graph_of(_Expansion(document).network())
    except InvalidDocument as error:
        raise error.under(inner_pointer) from error
    if len(graph.outputs) != 1:
        message, received = "a block that is applied to steps returns one tensor", f"{len(graph.outputs)}"
        raise InvalidDocument.at(
            f"{inner_pointer}/outputs",
            message,
            expected="one output",
            received=received,
            suggestion=f'write "outputs": ["{graph.outputs[0]}"]',
        )
    return layer.model_copy(update={"layer": spelled_out(block, graph)})
