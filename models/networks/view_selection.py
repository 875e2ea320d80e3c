"""Assignment of views to layers: an option has one value for all layers, or an object of values by selector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.documents.raw_json import read_json
from models.errors import InvalidOption, Unparsable, shown
from models.errors.problem import pointer_to
from models.networks.network import Network
from models.networks.selectors import is_pattern, matches
from models.views.casting import parse_cast
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
"""Parsers of the options that make a view, in the order in which they are applied."""
MAX_SELECTORS = 64
"""Most selectors in one object."""


class SelectedLayers:
    """The selected layers, with a cache of which of them each selector matches, shared by all options."""

    def __init__(self, network: Network, selected: Sequence[str]) -> None:
        self.network, self.selected = network, selected
        self._matching: dict[str, list[str]] = {}

    def matching(self, selector: str, pointer: str) -> list[str]:
        """Return the selected layers that a selector matches.

        Raises:
            UnknownAddress: it matches nothing.
            InvalidOption: it matches none of them.
        """
        if selector not in self._matching:
            self._matching[selector] = self._find(selector, pointer)
        return self._matching[selector]

    def _find(self, selector: str, pointer: str) -> list[str]:
        matched = set(matches(self.network, selector, pointer))
        matching = [address for address in self.selected if address in matched]
        if not matching:
            message, few = "this selector matches none of the layers asked for", ", ".join(self.selected[:20])
            raise InvalidOption.at(pointer, message, f"one of {few}", shown(selector))
        return matching


def views_of(network: Network, selected: Sequence[str], options: Mapping[str, Any]) -> dict[str, View]:
    """Return the views by address of the selected layers that have one. None, as an option or in an object: no view.

    Raises:
        UnknownAddress: a selector matches nothing.
        InvalidOption: an invalid value, a selector without a selected layer, or two that match one equally closely.
    """
    if all(options.get(name) is None for name in PARSERS):
        return {}
    layers = SelectedLayers(network, selected)
    values = {name: _by_address(layers, name, options.get(name)) for name in PARSERS}
    views = {address: View(**{name: part.get(address) for name, part in values.items()}) for address in selected}
    for view in views.values():
        view.check()
    return {address: view for address, view in views.items() if view != View()}


def _by_address(layers: SelectedLayers, name: str, value: Any) -> dict[str, Any]:
    """Return one option's part of the view of each selected layer."""
    value = _decode(name, value)
    if value is None:
        return {}
    if not isinstance(value, dict):
        return dict.fromkeys(layers.selected, PARSERS[name](value, f"/{name}"))
    if not 1 <= len(value) <= MAX_SELECTORS:
        message = f"{name} has too many or too few selectors"
        raise InvalidOption.at(f"/{name}", message, f"1 to {MAX_SELECTORS} selectors", shown(value))
    values_by_selector = {selector: _parse(name, selector, item) for selector, item in value.items()}
    return {
        address: values_by_selector[selector] for address, selector in _closest_selectors(layers, name, value).items()
    }


def _decode(name: str, value: Any) -> Any:
    """Decode an object that is text, as in a query or a form."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return read_json(value.encode("utf-8", "surrogatepass"))
    except Unparsable as error:
        raise InvalidOption("", [problem.under(f"/{name}") for problem in error.problems]) from None
    except ValueError:
        expected = "a value, or a JSON object of values by selector"
        raise InvalidOption.at(f"/{name}", f"{name} is not valid JSON", expected, shown(value)) from None


def _parse(name: str, selector: str, value: Any) -> Any:
    return None if value is None else PARSERS[name](value, pointer_to([name, selector]))


def _closest_selectors(layers: SelectedLayers, name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the closest selector of each layer; of equally close ones, which must agree, the first."""
    matching = {selector: layers.matching(selector, pointer_to([name, selector])) for selector in values}
    rank = {selector: closeness(selector, layers.network) for selector in values}
    closest: dict[str, str] = {}
    for selector in sorted(values, key=rank.__getitem__, reverse=True):
        for address in matching[selector]:
            first = closest.setdefault(address, selector)
            if rank[first] == rank[selector] and values[first] != values[selector]:
                raise _ambiguous(name, first, selector, address)
    return closest


def closeness(selector: str, network: Network) -> int:
    """Return how closely a selector names what it matches: 3 an address, 2 a glob or type, 1 `*`, 0 `**`."""
    if selector in ("*", "**"):
        return 2 - len(selector)
    return 2 if is_pattern(network, selector) else 3


def _ambiguous(name: str, first: str, other: str, address: str) -> Exception:
    message = f"{shown(first)} and {shown(other)} give {address} different values"
    advice = f"give {shown(address)} a value of its own"
    expected = "one value for a layer, or one selector that is closer"
    return InvalidOption.at(pointer_to([name, other]), message, expected, shown(other), advice)
