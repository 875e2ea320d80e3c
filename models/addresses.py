"""Selectors: from what a client writes to the tensors it means.

`conv2d` · `block1/conv2d` · `shared@1` · `conv2d:pre` · `lstm#1` · `input`; globs in which `*` and `?`
stay within one segment and `**` spans any number; `type:Conv2D`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from models.errors import Problem, UnknownAddress, did_you_mean, shown
from models.layers import ALIASES, CATALOGUE
from models.network import Network

PRE = ":pre"
"""The suffix of the value that a fused activation is applied to."""
MAX_CANDIDATES = 20


def select(network: Network, selectors: Sequence[str] | None, pointer: str = "/layers") -> tuple[str, ...]:
    """Canonical addresses for `selectors`, in the order asked for, each once; all layers for None.

    Raises:
        UnknownAddress: for a selector that means nothing, or an address that means several tensors.
    """
    if selectors is None:
        return everything(network)
    pre = pre_addresses(network)
    chosen = [
        address
        for n, selector in enumerate(selectors)
        for address in _matches(network, selector, pre, f"{pointer}/{n}")
    ]
    return tuple(dict.fromkeys(chosen))


def matches(network: Network, selector: str, pointer: str) -> tuple[str, ...]:
    """Canonical addresses for one selector.

    Raises:
        UnknownAddress: it means nothing, or is an address that means several tensors.
    """
    return _matches(network, selector, pre_addresses(network), pointer)


def everything(network: Network) -> tuple[str, ...]:
    """Every layer's outputs in the order they are computed, without blocks, whose results are their last layers'."""
    return tuple(output for node in network.nodes if not node.is_block for output in node.outputs)


def addresses(network: Network) -> tuple[str, ...]:
    """Every tensor that can be asked for: inputs, layers, blocks, values before fused activations."""
    outputs = tuple(output for node in network.nodes for output in node.outputs)
    return (*_input_names(network), *outputs, *pre_addresses(network))


def pre_addresses(network: Network) -> Mapping[str, str]:
    """`address:pre` → the layer call that it lies inside."""
    fused = [node.address for node in network.nodes if node.layer.fused_activation() is not None]
    return {address + PRE: address for address in fused}


def _input_names(network: Network) -> tuple[str, ...]:
    return tuple(network.inputs) or ("input",)


def _matches(network: Network, selector: str, pre: Mapping[str, str], pointer: str) -> tuple[str, ...]:
    if selector in network.names:
        return (network.names[selector],)
    if selector in pre:
        return (selector,)
    if selector.startswith("type:"):
        found = _of_type(network, selector.removeprefix("type:"))
    elif "*" in selector or "?" in selector:
        found = _globbed(network, selector, pre)
    else:
        found = ()
    if found:
        return found
    raise UnknownAddress("", [_unknown(network, selector, pointer)])


def _of_type(network: Network, word: str) -> tuple[str, ...]:
    name = ALIASES.get(word, word)
    return tuple(out for node in network.nodes if node.layer.type_name() == name for out in node.outputs)


def _globbed(network: Network, selector: str, pre: Mapping[str, str]) -> tuple[str, ...]:
    pattern = re.compile(_regex(selector))
    pool = pre if selector.endswith(PRE) else everything_and_blocks(network)
    return tuple(address for address in pool if pattern.fullmatch(address))


def everything_and_blocks(network: Network) -> tuple[str, ...]:
    """Every layer's and block's outputs."""
    return tuple(output for node in network.nodes for output in node.outputs)


def _regex(selector: str) -> str:
    """`**` any number of segments, `*` and `?` within one.

    A stretch between two wildcards is settled where it first fits (atomic groups): what follows can follow there if it
    can anywhere. Without them, ten stars and a long name would keep a processor busy for days.
    """
    *pairs, last = re.split(r"((?:(?<=/)|^)\*\*/|\*\*)", selector)
    pattern, jump = "", ""
    for stretch, wildcard in zip(pairs[::2], pairs[1::2], strict=True):
        pattern += f"(?>{jump}{_stretch(stretch)})"
        jump = "(?:.*?/)??" if wildcard == "**/" else ".*?"
    return pattern + jump + _stretch(last, "[^/]*")


def _stretch(text: str, last_star: str = "") -> str:
    """What stands between two `**`; the star before the very end has to give way until the end is met."""
    first, *rest = (re.escape(part).replace(r"\?", "[^/]") for part in text.split("*"))
    ending = f"{last_star}{rest.pop()}" if rest and last_star else ""
    return first + "".join(f"(?>[^/]*?{part})" for part in rest) + ending


def _unknown(network: Network, selector: str, pointer: str) -> Problem:
    candidates = network.ambiguous.get(selector)
    if candidates:
        message, near = f"{shown(selector)} names several tensors", candidates[0]
        return Problem(pointer, message, f"one of {', '.join(candidates)}", shown(selector), f'write "{near}"')
    if selector.startswith("type:"):
        return _unknown_type(network, selector, pointer)
    known = [*addresses(network), *network.ambiguous]
    nearest = did_you_mean(selector, known)
    listed = known if len(known) <= MAX_CANDIDATES else [*known[:MAX_CANDIDATES], "…"]
    return Problem(
        pointer,
        _why(network, selector),
        f"one of {', '.join(listed)}, a glob, or type:Name",
        shown(selector),
        f'write "{nearest}"' if nearest else None,
    )


def _why(network: Network, selector: str) -> str:
    if selector.endswith(PRE) and selector.removesuffix(PRE) in network.names:
        return f"{shown(selector.removesuffix(PRE))} has no fused activation to look before"
    return "no layer matches this selector"


def _unknown_type(network: Network, selector: str, pointer: str) -> Problem:
    present = list(dict.fromkeys(node.layer.type_name() for node in network.nodes))
    word = selector.removeprefix("type:")
    known = ALIASES.get(word, word) in CATALOGUE or word == "Block"
    message = "this network has no layer of this type" if known else "there is no layer type of this name"
    near = did_you_mean(word, present)
    expected = f"one of {', '.join('type:' + name for name in present)}"
    return Problem(pointer, message, expected, shown(selector), f'write "type:{near}"' if near else None)
