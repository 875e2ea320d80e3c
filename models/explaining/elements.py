"""One element of a tensor, written with NumPy's index over all axes, the batch first: `conv2d[0, 5, 7, 2]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from models.errors import InvalidOption, shown
from models.explaining.targets import OF, parse_term
from models.networks.network import Network, Node
from models.views.slicing import SliceRange, SliceView
from models.views.tensor_type import NAMELESS, TensorType

EXPECTED = 'an address with an integer for each axis, the batch first, as "conv2d[0, 5, 7, 2]"'


class Element(msgspec.Struct, frozen=True):
    """An address, and the index of one number in its tensor."""

    address: str
    index: SliceView


def parse_element(network: Network, value: Any) -> Element:
    """Return the element that the option `of` names.

    Raises:
        UnknownAddress: no tensor has the address.
        InvalidOption: it is not one element.
    """
    if value is None:
        message = "the arithmetic is that of one number, and none is named"
        raise InvalidOption.at(OF, message, EXPECTED, "nothing", f'write "of": "{_example(network)}"')
    term = parse_term(network, value, OF)
    if term.is_argmax:
        message, advice = "the arithmetic is that of one number, not of the largest of each item", "write its index"
        raise InvalidOption.at(OF, message, EXPECTED, shown(value), advice)
    if term.index is None or not all(isinstance(part, int) for part in term.index.parts):
        raise _several(OF if term.index is None else term.index.pointer, shown(value))
    return Element(term.address, term.index)


def element_index(element: Element, shape: Sequence[int], dtype: str) -> tuple[int, ...]:
    """Return the position along each axis of a tensor of this shape, none of them negative.

    Raises:
        InvalidOption: one is out of range, or there are more or fewer than axes.
    """
    axes = len(shape)
    rest = element.index.result_type(TensorType(tuple(shape), dtype, NAMELESS * axes), element.address).shape
    if rest:
        text = f"[{element.index.text}]"
        raise _several(element.index.pointer, f"{text} for {element.address}, which has {axes} axes", shape)
    parts = zip(element.index.expanded(axes), shape, strict=True)
    return tuple(part % length for part, length in parts if not isinstance(part, SliceRange))


def node_of_element(network: Network, address: str) -> tuple[Node | None, str]:
    """Return the call that computes a tensor, and its own address: that of a block is one inside. Inputs have none."""
    node = network.node_of.get(address) or network.node_of.get(network.pre_addresses.get(address, ""))
    while node is not None and node.is_block:
        address = node.inputs[node.outputs.index(address)]
        node = network.node_of.get(address)
    return node, address


def _several(pointer: str, received: str, shape: Sequence[int] = ()) -> InvalidOption:
    fits = f", of {list(shape)}" if shape else ""
    return InvalidOption.at(pointer, "this names more than one number", EXPECTED + fits, received)


def _example(network: Network) -> str:
    return f"{network.outputs[0]}[0, 0]"
