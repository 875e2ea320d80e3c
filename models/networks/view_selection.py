"""Which view each layer gets: an option holds one value for all layers, or an object of values by selector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.documents.raw_json import read_json
from models.errors import InvalidOption, Unparsable, shown
from models.networks.network import Network
from models.networks.selectors import is_pattern, matches
from models.problems import pointer_to
from models.views.casting import parse_cast
from models.views.form import refused
from models.views.histogram import parse_histogram
from models.views.reduction import parse_reduction
from models.views.slicing import parse_slice
from models.views.top import parse_top
from models.views.view import View

PARSERS: Mapping[str, Callable[[Any, str], Any]] = {
    "slice": parse_slice,
    "reduce": parse_reduction,
    "top": parse_top,
    "histogram": parse_histogram,
    "dtype": parse_cast,
}
"""The options that make a view, in the order in which they are applied."""
MAX_SELECTORS = 64
"""In one object."""


class Chosen:
    """The layers asked for. What a selector means among them is worked out once, however many options have it."""

    def __init__(self, network: Network, selected: Sequence[str]) -> None:
        self.network, self.selected = network, selected
        self._meant: dict[str, list[str]] = {}

    def meant(self, selector: str, pointer: str) -> list[str]:
        """Those that a selector matches.

        Raises:
            UnknownAddress: it means nothing.
            InvalidOption: it matches none of them.
        """
        if selector not in self._meant:
            self._meant[selector] = self._found(selector, pointer)
        return self._meant[selector]

    def _found(self, selector: str, pointer: str) -> list[str]:
        every = set(matches(self.network, selector, pointer))
        found = [address for address in self.selected if address in every]
        if not found:
            message, few = "this selector matches none of the layers asked for", ", ".join(self.selected[:20])
            raise refused(pointer, message, f"one of {few}", shown(selector))
        return found


def views_of(network: Network, selected: Sequence[str], options: Mapping[str, Any]) -> dict[str, View]:
    """The views of the selected layers that have one, by address. None, as an option or in an object, is no view.

    Raises:
        UnknownAddress: a selector means nothing.
        InvalidOption: a value makes no sense, a selector matches no selected layer, or two match one equally closely.
    """
    if all(options.get(name) is None for name in PARSERS):
        return {}
    asked = Chosen(network, selected)
    parts = {name: _by_address(asked, name, options.get(name)) for name in PARSERS}
    chosen = {address: View(**{name: part.get(address) for name, part in parts.items()}) for address in selected}
    for view in chosen.values():
        view.check()
    return {address: view for address, view in chosen.items() if view != View()}


def _by_address(asked: Chosen, name: str, value: Any) -> dict[str, Any]:
    """One option's part of the view of each selected layer."""
    value = _read(name, value)
    if value is None:
        return {}
    if not isinstance(value, dict):
        return dict.fromkeys(asked.selected, PARSERS[name](value, f"/{name}"))
    if not 1 <= len(value) <= MAX_SELECTORS:
        message = f"{name} has too many or too few selectors"
        raise refused(f"/{name}", message, f"1 to {MAX_SELECTORS} selectors", shown(value))
    parts = {selector: _parsed(name, selector, item) for selector, item in value.items()}
    return {address: parts[selector] for address, selector in _deciding(asked, name, value).items()}


def _read(name: str, value: Any) -> Any:
    """An object, also where it came as text in a query or a form."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return read_json(value.encode("utf-8", "surrogatepass"))
    except Unparsable as error:
        raise InvalidOption("", [problem.under(f"/{name}") for problem in error.problems]) from None
    except ValueError:
        expected = "a value, or a JSON object of values by selector"
        raise refused(f"/{name}", f"{name} is not valid JSON", expected, shown(value)) from None


def _parsed(name: str, selector: str, value: Any) -> Any:
    return None if value is None else PARSERS[name](value, pointer_to([name, selector]))


def _deciding(asked: Chosen, name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The selector that names each layer most closely; of equally close ones, which have to agree, the first."""
    meant = {selector: asked.meant(selector, pointer_to([name, selector])) for selector in values}
    rank = {selector: closeness(selector, asked.network) for selector in values}
    deciding: dict[str, str] = {}
    for selector in sorted(values, key=rank.__getitem__, reverse=True):
        for address in meant[selector]:
            first = deciding.setdefault(address, selector)
            if rank[first] == rank[selector] and values[first] != values[selector]:
                raise _ambiguous(name, first, selector, address)
    return deciding


def closeness(selector: str, network: Network) -> int:
    """How closely a selector names what it matches: 3 an address, 2 a glob or type, 1 `*`, 0 `**`."""
    if selector in ("*", "**"):
        return 2 - len(selector)
    return 2 if is_pattern(network, selector) else 3


def _ambiguous(name: str, first: str, other: str, address: str) -> Exception:
    message = f"{shown(first)} and {shown(other)} give {address} different values"
    advice = f"give {shown(address)} a value of its own"
    expected = "one value for a layer, or one selector that is closer"
    return refused(pointer_to([name, other]), message, expected, shown(other), advice)
