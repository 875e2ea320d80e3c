"""The pairs of tensors that a comparison of two networks is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from models.errors import InvalidOption, UnknownAddress
from models.explaining.comparing.joining import Pair, join
from models.networks.network import PRE, Network
from models.networks.selectors import check_patterns, matches

LAYERS, PAIRS = "/layers", "/pairs"


def selected_pairs(
    a: Network, b: Network, selectors: Sequence[str] | None, pairs: Mapping[str, str] | None
) -> list[Pair]:
    """Return the pairs that selectors match on either side, in order of computation; those of all layers for None.
    `pairs` are as in `join`.

    Raises:
        UnknownAddress: a selector matches nothing on either side, or `pairs` names what a side does not have.
        InvalidOption: there are too many globs, or nothing is on both sides.
    """
    wanted = _selected(a, b, selectors)
    joined = join(tuple(_in_order(a)), tuple(_in_order(b)), pairs)
    chosen = [pair for pair in joined if pair.a in wanted[0] or pair.b in wanted[1]]
    if not any(pair.a is not None and pair.b is not None for pair in chosen):
        message, expected = "none of these tensors is on both sides", "addresses that both networks have, or pairs"
        few = ", ".join(str(pair.a or pair.b) for pair in chosen[:10])
        advice = 'write "pairs": {"address in a": "address in b"}'
        raise InvalidOption.at(PAIRS if selectors is None else LAYERS, message, expected, few, advice)
    return chosen


def _selected(a: Network, b: Network, selectors: Sequence[str] | None) -> tuple[set[str], set[str]]:
    """Return the addresses of each side that are asked for."""
    if selectors is None:
        return set(a.layer_outputs), set(b.layer_outputs)
    distinct = list(dict.fromkeys(selectors))
    check_patterns(a, distinct, LAYERS)
    found: tuple[set[str], set[str]] = (set(), set())
    for selector in distinct:
        pointer = f"{LAYERS}/{selectors.index(selector)}"
        errors = [_add(network, selector, pointer, side) for network, side in zip((a, b), found, strict=True)]
        if errors[0] is not None and errors[1] is not None:
            raise errors[0]
    return found


def _add(network: Network, selector: str, pointer: str, found: set[str]) -> UnknownAddress | None:
    """Add what a selector matches; returns the error if that is nothing."""
    try:
        found.update(matches(network, selector, pointer))
    except UnknownAddress as error:
        return error
    return None


def _in_order(network: Network) -> Iterator[str]:
    """Yield every address in order of computation: a value before an activation before the layer that applies it."""
    yield from network.inputs
    for node in network.calls:
        if node.address + PRE in network.pre_addresses:
            yield node.address + PRE
        yield from node.outputs
