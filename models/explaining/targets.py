"""Targets of explanations: one number for each item of a batch, written as an address and an index."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from models.errors import InvalidOption, shown
from models.networks.network import PRE, Network, Node
from models.networks.selectors import is_glob, matches
from models.views.slicing import SliceRange, SliceView, parse_slice

ARGMAX = "argmax"
OF, MINUS = "/of", "/minus"
"""Pointers of the options."""
INDEXED = re.compile(r"(?P<address>.*?)\s*\[(?P<index>[^\[\]]*)\]\s*", re.DOTALL)
"""An address with an index behind it; no layer's name ends in a bracket."""
EXPECTED = 'an address with an index, as "dense:pre[7]" or {"address": "dense:pre", "index": [7]}'
SATURATING = frozenset(("softmax", "sigmoid", "Softmax", "ops.softmax", "ops.sigmoid"))
"""Activations and types of layers whose gradient is 0 where they are certain."""


class TargetTerm(msgspec.Struct, frozen=True):
    """A tensor, and the index of one number of each item in it: its parts count the axes after the batch."""

    address: str
    index: SliceView | None
    """None: the whole item."""
    is_argmax: bool
    """Whether the last axis is indexed by its largest value, item by item."""
    sign: float = 1.0

    @property
    def ranges(self) -> tuple[SliceRange | str | None, ...] | None:
        """The parts of the index, any integer as a word: functions take these as arguments."""
        if self.index is None:
            return None
        return tuple("integer" if isinstance(part, int) else part for part in self.index.parts)

    @property
    def text(self) -> str:
        """The index as a client writes it."""
        parts = [*([self.index.text] if self.index is not None else []), *([ARGMAX] if self.is_argmax else [])]
        return f"[{', '.join(parts)}]" if parts else ""


class Target(msgspec.Struct, frozen=True):
    """The sum of its terms."""

    terms: tuple[TargetTerm, ...]
    is_default: bool = False

    @property
    def structure(self) -> tuple[Any, ...]:
        """What tells the functions of two targets apart: all but the integers of their indices."""
        return tuple((term.address, term.ranges, term.is_argmax, term.sign) for term in self.terms)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The tensors that must be computed."""
        return tuple(dict.fromkeys(term.address for term in self.terms))


class TargetOptions(NamedTuple):
    """The options `of`, `minus` and `sign`, unparsed."""

    of: Any = None
    minus: Any = None
    sign: int = 1


def parse_target(network: Network, options: TargetOptions) -> Target:
    """Return the target that a request names; by default the largest unit of the first output, before a softmax or
    sigmoid.

    Raises:
        UnknownAddress: no tensor has the address.
        InvalidOption: it is not an address with an index.
    """
    if options.of is None:
        first = TargetTerm(score_address(network), None, is_argmax=True)
    else:
        first = parse_term(network, options.of, OF)
    terms = [msgspec.structs.replace(first, sign=float(options.sign))]
    if options.minus is not None:
        terms.append(msgspec.structs.replace(parse_term(network, options.minus, MINUS), sign=-float(options.sign)))
    return Target(tuple(terms), options.of is None)


def score_address(network: Network) -> str:
    """Return the first output, or what goes into the softmax or sigmoid that ends it, be it fused or a layer: where a
    probability is certain its gradient is 0, and that of the score is not.
    """
    address = network.outputs[0]
    while (node := network.node_of.get(address)) is not None:
        if node.is_block:
            address = node.inputs[node.outputs.index(address)]
        elif _fused(node) in SATURATING and node.address + PRE in network.pre_addresses:
            return node.address + PRE
        elif _is_saturating_layer(node):
            address = node.inputs[0]
        else:
            return address
    return address


def is_probability(network: Network, address: str) -> bool:
    """Whether a softmax or sigmoid, be it fused or a layer, gives what stands at an address."""
    node = network.node_of.get(address)
    while node is not None and node.is_block:
        address = node.inputs[node.outputs.index(address)]
        node = network.node_of.get(address)
    return node is not None and (_fused(node) in SATURATING or _is_saturating_layer(node))


def _fused(node: Node) -> str | None:
    value = getattr(node.layer, "activation", None)
    return value if isinstance(value, str) else None


def _is_saturating_layer(node: Node) -> bool:
    kind = node.layer.type_name()
    return kind in SATURATING or (kind == "Activation" and _fused(node) in SATURATING)


def parse_term(network: Network, value: Any, pointer: str) -> TargetTerm:
    """Return the numbers that an option names: an address, with an index or without.

    Raises:
        UnknownAddress: no tensor has the address.
        InvalidOption: it is not an address with an index.
    """
    if isinstance(value, str):
        return _parse_text(network, value, pointer)
    if isinstance(value, Mapping) and isinstance(value.get("address"), str) and set(value) <= {"address", "index"}:
        address = _address(network, value["address"], f"{pointer}/address")
        return _with_index(address, _index_text(value.get("index"), f"{pointer}/index"), f"{pointer}/index")
    raise InvalidOption.at(pointer, "this names no number of the network", EXPECTED, shown(value))


def _parse_text(network: Network, text: str, pointer: str) -> TargetTerm:
    match = INDEXED.fullmatch(text)
    if match is None or text in network.names:
        return TargetTerm(_address(network, text, pointer), None, is_argmax=False)
    return _with_index(_address(network, match["address"], pointer), match["index"], pointer)


def _address(network: Network, word: str, pointer: str) -> str:
    """Return the one tensor of an address."""
    found = matches(network, word, pointer)
    if len(found) > 1 or is_glob(word):
        message = "a target is one tensor, and this may match several"
        raise InvalidOption.at(pointer, message, EXPECTED, shown(word), f'write "{found[0]}"')
    return found[0]


def _index_text(value: Any, pointer: str) -> str:
    """Return an index of JSON as text: a list of integers and texts, or one of them."""
    parts = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(part, int | str) and not isinstance(part, bool) for part in parts):
        expected = 'integers, "start:stop:step", "..." or "argmax", one for each axis after the batch'
        raise InvalidOption.at(pointer, "this is no index", expected, shown(value))
    return ", ".join(str(part) for part in parts)


def _with_index(address: str, text: str, pointer: str) -> TargetTerm:
    *first, last = [part.strip() for part in text.split(",")]
    is_argmax = last == ARGMAX
    rest = first if is_argmax else [*first, last]
    index = parse_slice(", ".join(rest), pointer) if any(rest) else None
    return TargetTerm(address, index, is_argmax)
