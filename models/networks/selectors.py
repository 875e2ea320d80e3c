"""Selectors: resolution of client patterns to tensor addresses.

`conv2d` · `block1/conv2d` · `shared@1` · `conv2d:pre` · `lstm#1` · `input`; globs in which `*` and `?`
stay within one segment and `**` spans any number; `type:Conv2D`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from models.errors import InvalidOption, Problem, UnknownAddress
from models.layers import ALIASES
from models.networks.aliases import address_of_alias
from models.networks.network import PRE, Network
from models.networks.selector_problems import ambiguous, no_activation, possible_addresses, unknown_type, unmatched

MAX_PATTERNS = 64
"""Most different globs and types in one selection."""


def select(network: Network, selectors: Sequence[str] | None, pointer: str = "/layers") -> tuple[str, ...]:
    """Return canonical addresses for `selectors`, in their order, each once; all layers for None.

    Raises:
        UnknownAddress: a selector matches nothing, or is an address of several tensors.
        InvalidOption: more than MAX_PATTERNS different globs and types; each is matched with every address.
    """
    if selectors is None:
        return network.layer_outputs
    distinct = dict.fromkeys(selectors)
    if all(selector in network.names for selector in distinct):
        return tuple(dict.fromkeys(network.names[selector] for selector in distinct))
    positions = {selector: n for n, selector in reversed(list(enumerate(selectors)))}
    check_patterns(network, distinct, pointer)
    matched = [matches(network, selector, f"{pointer}/{positions[selector]}") for selector in distinct]
    return tuple(dict.fromkeys(address for group in matched for address in group))


def check_patterns(network: Network, selectors: Iterable[str], pointer: str) -> None:
    """Raise InvalidOption for more globs and types than are matched in one request."""
    count = sum(is_pattern(network, selector) for selector in selectors)
    if count > MAX_PATTERNS:
        message, expected = "there are too many globs and types", f"at most {MAX_PATTERNS}, and addresses"
        advice = "write addresses, or globs that match more"
        raise InvalidOption.at(pointer, message, expected=expected, received=str(count), suggestion=advice)


def addresses(network: Network) -> tuple[str, ...]:
    """Return every selectable tensor: inputs, layers, blocks, values before fused activations."""
    return (*_input_names(network), *everything_and_blocks(network), *network.pre_addresses)


def _input_names(network: Network) -> tuple[str, ...]:
    return tuple(network.inputs) or ("input",)


def matches(network: Network, selector: str, pointer: str) -> tuple[str, ...]:
    """Return canonical addresses for one selector.

    Raises:
        UnknownAddress: it matches nothing, or is an address of several tensors.
    """
    matched = _exact(network, selector)
    if not matched and selector.startswith("type:"):
        matched = _of_type(network, selector.removeprefix("type:"))
    elif not matched and is_glob(selector):
        matched = _globbed(network, selector)
    if matched:
        return matched
    raise UnknownAddress("", [_unknown(network, selector, pointer)])


def _exact(network: Network, selector: str) -> tuple[str, ...]:
    word = selector.removesuffix(PRE)
    address = network.names.get(word)
    if address is None and not is_glob(word):
        address = network.names.get(address_of_alias(word, network.names) or "")
    if address is None or not selector.endswith(PRE):
        return () if address is None else (address,)
    return (address + PRE,) if address + PRE in network.pre_addresses else ()


def is_glob(selector: str) -> bool:
    """Whether it has wildcards, which no name has."""
    return "*" in selector or "?" in selector


def is_pattern(network: Network, selector: str) -> bool:
    """Whether it is a glob or a type rather than an address; names that look like one are addresses."""
    return selector not in network.names and (selector.startswith("type:") or is_glob(selector))


def _of_type(network: Network, word: str) -> tuple[str, ...]:
    name = ALIASES.get(word, word)
    return tuple(out for node in network.calls if node.layer.type_name() == name for out in node.outputs)


def _globbed(network: Network, selector: str) -> tuple[str, ...]:
    pattern = re.compile(_regex(selector))
    pool = network.pre_addresses if selector.endswith(PRE) else everything_and_blocks(network)
    return tuple(address for address in pool if pattern.fullmatch(address))


def everything_and_blocks(network: Network) -> tuple[str, ...]:
    """Return every layer's and block's outputs."""
    return tuple(output for node in network.calls for output in node.outputs)


def _regex(selector: str) -> str:
    """Return the regular expression of a glob: `**` matches any number of segments, `*` and `?` match within one.

    A stretch between two wildcards is fixed where it first fits (atomic groups): what follows can match there if it
    can anywhere. Without them, ten stars and a long name would keep a processor busy for days.
    """
    *pairs, last = re.split(r"((?:(?<=/)|^)\*\*/|\*\*)", selector)
    pattern, jump = "", ""
    for stretch, wildcard in zip(pairs[::2], pairs[1::2], strict=True):
        pattern += f"(?>{jump}{_stretch(stretch)})"
        jump = "(?:.*?/)??" if wildcard == "**/" else ".*?"
    return pattern + jump + _stretch(last, "[^/]*")


def _stretch(text: str, last_star: str = "") -> str:
    """Return the expression of text between two `**`; the star before the very end backtracks until the end fits."""
    first, *rest = (re.escape(part).replace(r"\?", "[^/]") for part in text.split("*"))
    ending = f"{last_star}{rest.pop()}" if rest and last_star else ""
    return first + "".join(f"(?>[^/]*?{part})" for part in rest) + ending


def _unknown(network: Network, selector: str, pointer: str) -> Problem:
    if selector.startswith("type:"):
        return unknown_type(network, selector.removeprefix("type:"), selector, pointer)
    known = addresses(network)
    candidates = possible_addresses(selector, known)
    if candidates:
        return ambiguous(selector, candidates, pointer)
    return no_activation(network, selector, pointer) or unmatched(selector, known, _wider(network, selector), pointer)


def _wider(network: Network, selector: str) -> str | None:
    """Return the same glob at any depth, if that matches."""
    anywhere = f"**/{selector}"
    return anywhere if is_glob(selector) and _globbed(network, anywhere) else None
