"""From a document to its network: blocks opened, names and inputs filled in, calls put in order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from models.document import Block, Document, InputSpec
from models.errors import InvalidDocument, Problem, did_you_mean, shown
from models.layer_names import layer_names
from models.layers.layer import Layer
from models.network import Network, Node

MAX_NODES = 4096
"""Most calls of layers in one network; those inside a block count each time that the block is called."""


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
    names: list[str] = field(default_factory=list)
    """Those of the layers, in the order of the list."""
    results: list[tuple[str, ...] | None] = field(default_factory=list)
    """What the last call of each layer returns, once it is made; before them, the inputs."""


@dataclass(frozen=True)
class _Call:
    """One call as it is written. `reads` is None where the layer before is meant."""

    layer: Layer
    position: int
    number: int
    of: int
    reads: Sequence[str] | None
    keywords: Mapping[str, Sequence[str | None]]
    listed: frozenset[str]
    pointer: str

    def wanted(self) -> Iterator[str]:
        """Every address that is written down."""
        yield from self.reads or ()
        yield from (one for several in self.keywords.values() for one in several if one is not None)

    def inputs_pointer(self) -> str:
        """Where its inputs are written."""
        return f"{self.pointer}/calls/{self.number}" if self.layer.calls is not None else f"{self.pointer}/inputs"

    def keywords_pointer(self) -> str:
        """Where its keywords are written."""
        several = isinstance(self.layer.keywords, list)
        return f"{self.pointer}/keywords/{self.number}" if several else f"{self.pointer}/keywords"


class _Expansion:
    """Walks a document once, collecting nodes and the addresses they define."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.inputs = dict(document.input or {"input": InputSpec(shape=[])})
        self.nodes: list[Node] = []
        self.names: dict[str, str] = {name: name for name in self.inputs}
        self.ambiguous: dict[str, tuple[str, ...]] = {}

    def network(self) -> Network:
        scope = _Scope("", "", "", {name: name for name in self.inputs})
        last = self._layers(self.document.layers, scope)
        outputs = self._outputs(self.document.outputs, last, scope)
        declared = self.document.input or {}
        return Network(self.document, declared, tuple(self.nodes), outputs, self.names, self.ambiguous)

    def _layers(self, layers: Sequence[Layer], scope: _Scope) -> tuple[str, ...]:
        """Adds every call of a list of layers as soon as all it reads is there; the outputs of the last layer."""
        scope.names = layer_names(layers, set(scope.inputs), scope.pointer)
        scope.results = [tuple(scope.inputs.values()), *(None for _ in layers)]
        waiting: dict[str, list[_Call]] = {}
        for call in (call for position, layer in enumerate(layers) for call in _calls(layer, position, scope)):
            ready = [call]
            while ready:
                one = ready.pop()
                absent = self._absent(one, scope)
                if absent is not None:
                    waiting.setdefault(absent, []).append(one)
                else:
                    self._make(one, scope)
                    ready += reversed(waiting.pop(scope.names[one.position], []))
        if waiting:
            self._refuse_cycle([call for calls in waiting.values() for call in calls], scope)
        return scope.results[-1] or ()

    def _absent(self, call: _Call, scope: _Scope) -> str | None:
        """A layer of this list that a call must wait for.

        Raises:
            InvalidDocument: for an address that no layer will ever answer to.
        """
        if call.reads is None and scope.results[call.position] is None:
            return scope.names[call.position - 1]
        for address in call.wanted():
            full = scope.prefix + address
            if address in scope.inputs or full in self.names:
                continue
            head = re.split("[/@#:]", address, maxsplit=1)[0]
            if full in self.ambiguous or head not in scope.names:
                self._make(call, scope)  # raises, pointing at the address
            return head
        return None

    def _refuse_cycle(self, waiting: list[_Call], scope: _Scope) -> None:
        """None of these calls can be made: each waits for another, or for what a layer does not return."""
        first = min(waiting, key=lambda call: (call.position, call.number))
        if first.reads is None:
            first = next(call for call in waiting if call.reads is not None)
        self._make(first, scope)

    def _make(self, call: _Call, scope: _Scope) -> None:
        """Adds the node of a call."""
        if call.reads is None:
            inputs = _default(call, scope.results[call.position] or ())
        else:
            inputs = self._resolved(call.reads, scope, call.inputs_pointer())
        keywords = {name: self._keyword(name, several, call, scope) for name, several in call.keywords.items()}
        _check_count(call.layer, inputs, call.pointer)
        name = scope.names[call.position]
        address = scope.prefix + name if call.of == 1 else f"{scope.prefix}{name}@{call.number}"
        if call.of > 1:
            self.ambiguous[scope.prefix + name] = tuple(f"{scope.prefix}{name}@{n}" for n in range(call.of))
        outputs = self._node(call, scope.path + name, address, inputs, keywords)
        if call.number == call.of - 1:
            scope.results[call.position + 1] = outputs

    def _keyword(self, name: str, several: Sequence[str | None], call: _Call, scope: _Scope) -> tuple[str | None, ...]:
        if name not in call.layer.call_tensors:
            raise InvalidDocument("", [_unknown_keyword(name, call)])
        pointer = f"{call.keywords_pointer()}/{name}"
        places = [f"{pointer}/{number}" if name in call.listed else pointer for number in range(len(several))]
        pairs = zip(several, places, strict=True)
        return tuple(None if one is None else self._resolve(one, scope, place) for one, place in pairs)

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
        if address in scope.names:
            message = f"{shown(address)} cannot be computed first: it needs this layer, or one that does"
            return Problem(pointer, message, "layers that do not wait for each other", shown(address))
        known = [*scope.inputs, *(n.removeprefix(scope.prefix) for n in self.names if n.startswith(scope.prefix))]
        near = did_you_mean(address, known)
        return Problem(
            pointer,
            "no layer has this address",
            f"one of {', '.join(list(dict.fromkeys(known))[-20:])}",
            shown(address),
            f'write "{near}"' if near else "name a layer of the same list",
        )

    def _node(
        self,
        call: _Call,
        path: str,
        address: str,
        inputs: tuple[str, ...],
        keywords: Mapping[str, tuple[str | None, ...]],
    ) -> tuple[str, ...]:
        layer = call.layer
        if len(self.nodes) >= MAX_NODES:
            raise InvalidDocument("", [_too_many(call)])
        given = inputs if isinstance(layer, Block) else ()
        if isinstance(layer, Block):
            inputs = self._block(layer, path, address, inputs, call.pointer)
        count = len(inputs) if isinstance(layer, Block) else layer.output_count()
        outputs = (address,) if count == 1 else tuple(f"{address}#{number}" for number in range(count))
        self.nodes.append(Node(address, path, layer, inputs, outputs, call.pointer, keywords, call.listed, given))
        self.names.update((output, output) for output in outputs)
        if count == 1:
            self.names[f"{address}#0"] = address
        else:
            self.ambiguous[address] = outputs
        return outputs

    def _block(self, block: Block, path: str, address: str, call: tuple[str, ...], pointer: str) -> tuple[str, ...]:
        """Adds what is inside a block; the tensors that it returns."""
        if len(call) != len(block.input):
            problem = Problem(
                pointer + "/inputs",
                f"the block has {len(block.input)} inputs",
                f"{len(block.input)} addresses, for {', '.join(block.input)}",
                f"{len(call)}",
            )
            raise InvalidDocument("", [problem])
        scope = _Scope(address + "/", path + "/", pointer, dict(zip(block.input, call, strict=True)))
        last = self._layers(block.layers, scope)
        return self._outputs(block.outputs, last, scope)

    def _outputs(self, outputs: Sequence[str] | None, last: tuple[str, ...], scope: _Scope) -> tuple[str, ...]:
        return last if outputs is None else self._resolved(outputs, scope, scope.pointer + "/outputs")


def _calls(layer: Layer, position: int, scope: _Scope) -> Iterator[_Call]:
    """The calls of a layer, as they are written."""
    pointer = f"{scope.pointer}/layers/{position}"
    if layer.inputs is not None and layer.calls is not None:
        problem = Problem(pointer + "/calls", "a layer has either inputs or calls", "one of the two", "both")
        raise InvalidDocument("", [problem])
    calls = [layer.inputs] if layer.calls is None else layer.calls
    keywords = layer.keywords if isinstance(layer.keywords, list) else [layer.keywords or {}] * len(calls)
    if len(keywords) != len(calls):
        expected, received = f"{len(calls)} objects, one a call", f"{len(keywords)}"
        problem = Problem(pointer + "/keywords", "keywords does not go with the calls", expected, received)
        raise InvalidDocument("", [problem])
    for number, (reads, named) in enumerate(zip(calls, keywords, strict=True)):
        spelled = {name: [value] if isinstance(value, str) else value for name, value in named.items()}
        listed = frozenset(name for name, value in named.items() if isinstance(value, list))
        yield _Call(layer, position, number, len(calls), reads, spelled, listed, pointer)


def _default(call: _Call, before: tuple[str, ...]) -> tuple[str, ...]:
    """The layer before, if that is one tensor."""
    if len(before) == 1 or call.layer.reads()[1] != 1:
        return before
    message = "what comes before has several tensors: say which one this layer reads"
    expected = f'"inputs" with one of {", ".join(before)}'
    suggestion = f'write "inputs": ["{before[0]}"]'
    raise InvalidDocument("", [Problem(call.pointer + "/inputs", message, expected, "nothing", suggestion)])


def _unknown_keyword(name: str, call: _Call) -> Problem:
    known = sorted(call.layer.call_tensors)
    near = did_you_mean(name, known)
    return Problem(
        f"{call.keywords_pointer()}/{name}",
        f"{call.layer.type_name()} reads no tensor called {shown(name)}",
        f"one of {', '.join(known)}" if known else "no keywords",
        shown(name),
        f'write "{near}"' if near else None,
    )


def _too_many(call: _Call) -> Problem:
    return Problem(call.pointer, "there are too many calls of layers", f"at most {MAX_NODES}", "more")


def _check_count(layer: Layer, call: tuple[str, ...], pointer: str) -> None:
    low, high = layer.reads()
    if low <= len(call) and (high is None or len(call) <= high):
        return
    expected = f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
    message = f"{layer.type_name()} reads {expected} {'input' if expected == '1' else 'inputs'}"
    problem = Problem(pointer + "/inputs", message, f"{expected} addresses", f"{len(call)}")
    raise InvalidDocument("", [problem])
