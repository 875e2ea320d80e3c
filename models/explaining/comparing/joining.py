"""Pairs of tensors of two networks: those of one address, and those that a request pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.errors import InvalidOption, UnknownAddress, shown, suggest
from models.errors.problem import pointer_to

POINTER = "/pairs"
BOUNDARY = re.compile(r"[/:@#]")
"""Where a layer's or block's name ends in an address: `block1/conv2d`, `conv2d:pre`, `shared@1`, `lstm#1`."""


class Pair(NamedTuple):
    """An address of each side; None for what only the other has."""

    a: str | None
    b: str | None


def join(a: Sequence[str], b: Sequence[str], pairs: Mapping[str, str] | None = None) -> list[Pair]:
    """Join the addresses of two networks, each in order of computation, in the order of `a`; what only `b` has comes
    after the one that it follows there.

    `pairs` has the address in `b` by that in `a`. It also holds for what lies under it: with `block1` goes
    `block1/conv2d`, with `conv2d` goes `conv2d:pre`.

    Raises:
        UnknownAddress: nothing of a side is at or under an address of `pairs`.
        InvalidOption: two addresses of `a` are paired with one of `b`.
    """
    names = _partners(a, b, pairs or {})
    joined = {partner: address for address, partner in names.items() if partner is not None}
    following: dict[str | None, list[str]] = {None: []}
    last: str | None = None
    for address in b:
        last = joined.get(address, last)
        if address not in joined:
            following.setdefault(last, []).append(address)
    both = [[Pair(address, names[address]), *_only_b(following.get(address))] for address in a]
    return [*_only_b(following[None]), *(pair for group in both for pair in group)]


def _only_b(addresses: Sequence[str] | None) -> list[Pair]:
    return [Pair(None, address) for address in addresses or ()]


def _partners(a: Sequence[str], b: Sequence[str], pairs: Mapping[str, str]) -> dict[str, str | None]:
    """Return the address in `b` of each of `a`, or None. One that is paired is not also joined by its name."""
    _check_pairs(a, b, pairs)
    known = set(b)
    renamed = {address: name for address in a if (name := _renamed(address, pairs)) in known and name is not None}
    taken = _inverted(renamed, pairs)
    named = {address: address for address in a if address in known - taken.keys() and _renamed(address, pairs) is None}
    return {address: renamed.get(address) or named.get(address) for address in a}


def _renamed(address: str, pairs: Mapping[str, str]) -> str | None:
    """Return an address under the name that it, or else the closest of what it lies under, is paired with."""
    ends = [len(address), *sorted((match.start() for match in BOUNDARY.finditer(address)), reverse=True)]
    end = next((end for end in ends if address[:end] in pairs), None)
    return None if end is None else pairs[address[:end]] + address[end:]


def _inverted(renamed: Mapping[str, str], pairs: Mapping[str, str]) -> dict[str, str]:
    """Return the address in `a` by its partner."""
    taken: dict[str, str] = {}
    for address, partner in renamed.items():
        first = taken.setdefault(partner, address)
        if first != address:
            key = next(key for key in pairs if address == key or address.startswith(key))
            message = f"{first} and {address} are paired with the same tensor"
            raise InvalidOption.at(pointer_to(["pairs", key]), message, "each address of b once", shown(partner))
    return taken


def _check_pairs(a: Sequence[str], b: Sequence[str], pairs: Mapping[str, str]) -> None:
    for key, value in pairs.items():
        for side, word, addresses in (("a", key, a), ("b", value, b)):
            if not any(_is_under(address, word) for address in addresses):
                message, few = f"{side} has no tensor of this address among those compared", ", ".join(addresses[:20])
                raise UnknownAddress.at(
                    pointer_to(["pairs", key]), message, f"one of {few}", shown(word), suggest(word, addresses)
                )


def _is_under(address: str, word: str) -> bool:
    """Whether an address is this one, or of something inside it."""
    return address == word or (address.startswith(word) and BOUNDARY.match(address, len(word)) is not None)
