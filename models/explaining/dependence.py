"""Dependence of a target on other tensors of its network, by the graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from models.errors import Problem, UnknownAddress, shown
from models.explaining.targets import Target
from models.networks.network import PRE, Network

FEW = 3
"""Most addresses that an error suggests."""


def ancestors(network: Network, target: Target) -> set[str]:
    """Return the addresses that a target is computed from, itself included."""
    return read_by(network, target.addresses)


def read_by(network: Network, addresses: Iterable[str]) -> set[str]:
    """Return all addresses that these are computed from, themselves included."""
    known = set(addresses)
    for node in reversed(network.nodes):
        before, is_read = node.address + PRE, not known.isdisjoint(node.outputs)
        if is_read and before in network.pre_addresses:
            known.add(before)
        if is_read or before in known:
            known.update(node.reads)
    return known


def check_dependence(network: Network, target: Target, to: Sequence[str], pointer: str = "/to") -> None:
    """Check that a target depends on each of these addresses.

    Raises:
        UnknownAddress: it does not depend on one, with the nearest that it depends on.
    """
    known = ancestors(network, target)
    for number, address in enumerate(to):
        if address not in known:
            raise UnknownAddress("", [_independent(network, known, address, target, f"{pointer}/{number}")])


def _independent(network: Network, known: set[str], address: str, target: Target, pointer: str) -> Problem:
    order = [*network.inputs, *(output for node in network.nodes for output in node.outputs)]
    place = {name: number for number, name in enumerate(order)}
    here = place.get(address.removesuffix(PRE), 0)
    near = sorted((name for name in known if name in place), key=lambda name: abs(place[name] - here))[:FEW]
    message = f"{shown(target.terms[0].address)} does not depend on {shown(address)}"
    return Problem(pointer, message, f"one of {', '.join(near)}, or another that it is computed from", shown(address),
                   f'write "{near[0]}"' if near else None)  # fmt: skip
