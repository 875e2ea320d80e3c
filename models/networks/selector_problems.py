"""Problems of selectors that match nothing, or an address of several tensors, with suggestions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from models.errors import Problem, did_you_mean, shown
from models.layers import ALIASES, CATALOGUE
from models.layers.activated import Activated
from models.networks.network import PRE, Network, Node

MAX_CANDIDATES = 20
"""Most addresses listed in one problem."""
PARTS = re.compile(r"([^/@#:]*)(@\d+)?(#\d+)?(:pre)?")
"""A name, the number of a call, the number of an output, and the suffix for the value before its activation."""


def possible_addresses(selector: str, known: Iterable[str]) -> list[str]:
    """Return the tensors a selector may mean that does not say which call or which output."""
    parts = [PARTS.fullmatch(segment) for segment in selector.split("/")]
    patterns = [_numbered(*part.groups(default="")) for part in parts if part is not None]
    pattern = re.compile("/".join(patterns))
    return [address for address in known if pattern.fullmatch(address)] if len(patterns) == len(parts) else []


def _numbered(name: str, call: str, output: str, pre: str) -> str:
    return re.escape(name) + (call or r"(?:@\d+)?") + (output or r"(?:#\d+)?") + pre


def ambiguous(selector: str, candidates: Sequence[str], pointer: str) -> Problem:
    """Build the problem of a selector that names several tensors."""
    message, listed = f"{shown(selector)} names several tensors", _listed(candidates)
    return Problem(pointer, message, f"one of {listed}", shown(selector), f'write "{candidates[0]}"')


def no_activation(network: Network, selector: str, pointer: str) -> Problem | None:
    """Build the problem of `re_lu:pre` without a fused activation, suggesting the tensor that was probably meant."""
    base = selector.removesuffix(PRE)
    first = network.ambiguous.get(base, (base,))[0]
    address = network.names.get(first)
    if not selector.endswith(PRE) or address is None:
        return None
    message = f"{shown(base)} has no fused activation to look before"
    expected = "a layer with an activation that is not linear"
    return Problem(pointer, message, expected, shown(selector), _suggest_source(network, address))


def _suggest_source(network: Network, address: str) -> str:
    """Suggest where the value is: the tensor itself if no activation is applied, else what the layer reads."""
    node = network.node_of.get(address)
    if node is None or (isinstance(node.layer, Activated) and node.layer.activation is None):
        return f'write "{address}": no activation is applied to it'
    if node.is_block:
        return _suggest_result(network, node.inputs[node.outputs.index(address)])
    return f"write {' or '.join(f'{shown(read)}' for read in node.inputs[:3])}: that is what it reads"


def _suggest_result(network: Network, returned: str) -> str:
    """Suggest a replacement for a block's result: its last layer's value, before its activation if it has one."""
    node: Node | None = network.node_of.get(returned)
    return f'write "{returned}{PRE}"' if node and node.layer.has_activation() else _suggest_source(network, returned)


def unmatched(selector: str, known: Sequence[str], wider: str | None, pointer: str) -> Problem:
    """Build the problem of a selector without a match, with near addresses; `wider` is a glob that would match."""
    bare = re.sub(r"[*?]+", "", selector)
    suffix_matches = [address for address in known if address.endswith(f"/{selector}")]
    near = [*suffix_matches, *get_close_matches(bare[:128], known, n=5)]
    nearest = wider or next(iter(suffix_matches), None) or did_you_mean(selector, known)
    return Problem(
        pointer,
        "no layer matches this selector",
        f"one of {_listed(_nearest_first(near, known))}, a glob, or type:Name",
        shown(selector),
        f'write "{nearest}"' if nearest else None,
    )


def _nearest_first(near: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Return all known addresses; if that is too many, the nearest first."""
    return known if len(known) <= MAX_CANDIDATES else list(dict.fromkeys([*near, *known]))


def _listed(addresses: Sequence[str]) -> str:
    shortened = addresses if len(addresses) <= MAX_CANDIDATES else [*addresses[:MAX_CANDIDATES], "…"]
    return ", ".join(shortened)


def unknown_type(network: Network, word: str, selector: str, pointer: str) -> Problem:
    """Build the problem of `type:` with a type that the network does not have, or that does not exist."""
    present = list(dict.fromkeys(node.layer.type_name() for node in network.calls))
    known = ALIASES.get(word, word) in CATALOGUE or word == "Block"
    message = "this network has no layer of this type" if known else "there is no layer type of this name"
    near = did_you_mean(word, present)
    expected = f"one of {', '.join('type:' + name for name in present)}"
    return Problem(pointer, message, expected, shown(selector), f'write "type:{near}"' if near else None)
