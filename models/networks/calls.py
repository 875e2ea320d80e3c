"""Layer calls as a document writes them, before their addresses are resolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from models.errors import InvalidDocument
from models.layers.block import Block
from models.layers.layer import Layer
from models.networks.network import Local


@dataclass
class Scope:
    """One list of layers: where it is in the document, and the meaning of its `input`.

    `prefix` begins the addresses inside (`encoder@0/`), `path` those of the layers that own the weights
    (`encoder/`): the calls of a block share them.
    """

    prefix: str
    path: str
    pointer: str
    inputs: dict[str, str]
    masks: dict[str, str] = field(default_factory=dict)
    """Tensors that mask inputs, by the name of the input: those that the call of a block was given."""
    weights: dict[str, str] = field(default_factory=dict)
    """Tensors of the weights that a block owns, by name."""
    names: list[str] = field(default_factory=list)
    """Names of the layers, in the order of the list."""
    results: list[tuple[str, ...] | None] = field(default_factory=list)
    """Outputs of the last call of each layer, once it is resolved, as addresses of the list; first, the inputs."""

    def tensor(self, address: str) -> str:
        """Return the tensor of an address of the list in its canonical spelling."""
        return self.inputs.get(address) or self.weights.get(address) or self.prefix + address

    def declares(self, address: str) -> bool:
        """Whether this is an input of the list or a weight, rather than what a layer computes."""
        return address in self.inputs or address in self.weights

    def tensors(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Return the tensors of several addresses."""
        return tuple(self.tensor(address) for address in addresses)

    def masks_of(self, addresses: Iterable[str]) -> tuple[str | None, ...]:
        """Return the masks of several addresses; empty if there are none."""
        masks = tuple(self.masks.get(address) for address in addresses)
        return masks if any(masks) else ()


@dataclass(frozen=True)
class Call:
    """One call as written. `reads` is None if it reads the previous layer."""

    layer: Layer
    position: int
    number: int
    of: int
    reads: Sequence[str] | None
    keywords: Mapping[str, Sequence[str | None]]
    listed: frozenset[str]
    positional: int | None
    pointer: str

    def addresses(self) -> Iterator[str]:
        """Yield every address that the call reads explicitly."""
        yield from self.reads or ()
        yield from (address for several in self.keywords.values() for address in several if address is not None)

    def inputs_pointer(self) -> str:
        """Return the pointer to its inputs."""
        return f"{self.pointer}/calls/{self.number}" if self.layer.calls is not None else f"{self.pointer}/inputs"

    def keywords_pointer(self) -> str:
        """Return the pointer to its keywords."""
        several = isinstance(self.layer.keywords, list)
        return f"{self.pointer}/keywords/{self.number}" if several else f"{self.pointer}/keywords"


def calls_of(layer: Layer, position: int, scope: Scope) -> Iterator[Call]:
    """Yield the calls of a layer, as written."""
    pointer = f"{scope.pointer}/layers/{position}"
    if layer.inputs is not None and layer.calls is not None:
        raise InvalidDocument.at(
            pointer + "/calls", "a layer has either inputs or calls", expected="one of the two", received="both"
        )
    calls = [layer.inputs] if layer.calls is None else layer.calls
    keywords = layer.keywords if isinstance(layer.keywords, list) else [layer.keywords or {}] * len(calls)
    if len(keywords) != len(calls):
        expected, received = f"{len(calls)} objects, one a call", f"{len(keywords)}"
        raise InvalidDocument.at(
            pointer + "/keywords", "keywords does not go with the calls", expected=expected, received=received
        )
    positional = _positional(layer, len(calls), pointer)
    _check_flags(layer, len(calls), pointer)
    for number, (reads, named) in enumerate(zip(calls, keywords, strict=True)):
        spelled = {name: [value] if isinstance(value, str) else value for name, value in named.items()}
        listed = frozenset(name for name, value in named.items() if isinstance(value, list))
        yield Call(
            layer.on_call(number), position, number, len(calls), reads, spelled, listed, positional[number], pointer
        )


def _check_flags(layer: Layer, calls: int, pointer: str) -> None:
    """Check that flags with a value for each call have as many as there are calls."""
    for name in sorted(layer.per_call):
        flags = getattr(layer, name)
        if isinstance(flags, list) and len(flags) != calls:
            expected, received = f"one flag, or {calls}, one a call", f"{len(flags)}"
            raise InvalidDocument.at(
                f"{pointer}/{name}", f"{name} does not go with the calls", expected=expected, received=received
            )


def _positional(layer: Layer, calls: int, pointer: str) -> Sequence[int | None]:
    """Return the number of positional arguments of each call."""
    counts = layer.positional if isinstance(layer.positional, list) else [layer.positional] * calls
    if len(counts) != calls:
        expected, received = f"{calls} numbers, one a call", f"{len(counts)}"
        raise InvalidDocument.at(
            pointer + "/positional", "positional does not go with the calls", expected=expected, received=received
        )
    maximum = len(layer.input) if isinstance(layer, Block) else len(layer.call_names())
    if any(count is not None and count > maximum for count in counts):
        message = f"{layer.type_name()} reads fewer arguments by position"
        raise InvalidDocument.at(
            pointer + "/positional", message, expected=f"at most {maximum}", received=f"{layer.positional}"
        )
    return counts


def default_inputs(call: Call, previous: tuple[str, ...]) -> tuple[str, ...]:
    """Return the outputs of the previous layer, if that is one tensor."""
    if len(previous) == 1 or call.layer.reads()[1] != 1:
        return previous
    message = "what comes before has several tensors: say which one this layer reads"
    expected = f'"inputs" with one of {", ".join(previous)}'
    suggestion = f'write "inputs": ["{previous[0]}"]'
    raise InvalidDocument.at(
        call.pointer + "/inputs", message, expected=expected, received="nothing", suggestion=suggestion
    )


def block_masks(block: Block, local: Local, scope: Scope, call: Call) -> dict[str, str]:
    """Return the masks of a block's inputs: the call's own, else those of the tensors that it reads.

    Raises:
        InvalidDocument: there are more than inputs.
    """
    own = [None if address is None else scope.tensor(address) for address in local.keywords.get("mask", ())]
    if len(own) > len(block.input):
        expected, received = f"at most {len(block.input)}, one an input", f"{len(own)}"
        raise InvalidDocument.at(
            f"{call.keywords_pointer()}/mask", "there are more masks than inputs", expected=expected, received=received
        )
    inherited = [scope.masks.get(address) for address in local.inputs]
    masks = [explicit or implicit for explicit, implicit in zip_longest(own, inherited)]
    return {name: mask for name, mask in zip(block.input, masks, strict=True) if mask is not None}
