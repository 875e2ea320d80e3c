"""References to tensors, as Keras writes them: `["conv2d", 0, 0]`, alone, in lists and in objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from models.errors import did_you_mean, shown
from models.reading.keras_json.site import Site

MAX_OUTPUTS = 4096


@dataclass(frozen=True)
class SourceLayer:
    """A layer whose outputs are referenced: how often it is called, and whether a call returns several."""

    calls: int
    several: bool = False
    is_functional: bool = False


Sources = dict[str, SourceLayer]


def is_tensor(value: Any) -> bool:
    """Whether this is a tensor of the graph, as an argument of a call."""
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def argument_address(value: dict[str, Any], sources: Sources, site: Site) -> str:
    """Return the address of a tensor that is an argument of a call."""
    config = site.reading("config").object(value.get("config"), "config")
    return address(config.get("keras_history"), sources, site.reading("config", "keras_history"))


def output_address(value: Any, sources: Sources, site: Site) -> str:
    """Return the address of an output of a model. Keras counts the calls of a Functional model from 1 there."""
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and type(value[1]) is int:
        source = sources.get(value[0])
        if source is not None and source.is_functional:
            value = [value[0], value[1] - 1, value[2]]
    return address(value, sources, site)


def address(value: Any, sources: Sources, site: Site) -> str:
    """Return the address of the tensor at [layer, call, output].

    Raises:
        InvalidDocument: for a layer, a call or an output that does not exist.
    """
    parts = site.array(value, "a tensor")
    if len(parts) != 3 or not isinstance(parts[0], str) or any(type(number) is not int for number in parts[1:]):
        raise site.refusal("this is not a tensor", "[layer, call, output]", shown(value))
    name, call, output = parts
    if name not in sources:
        near = did_you_mean(name, sources)
        hint = f'the nearest is "{near}"' if near else None
        raise site.reading(0).refusal("no layer has this name", "the name of a layer", shown(name), hint)
    source = sources[name]
    if not 0 <= call < source.calls:
        expected = f"a call from 0 to {source.calls - 1}" if source.calls else "a layer that is called"
        raise site.reading(1).refusal(f"{shown(name)} has no such call", expected, shown(call))
    if not 0 <= output < MAX_OUTPUTS:
        raise site.reading(2).refusal(f"{shown(name)} has no such output", "a small number", shown(output))
    return str(name) + (f"@{call}" if source.calls > 1 else "") + (f"#{output}" if source.several or output else "")


def leaves(value: Any, site: Site) -> Iterator[tuple[Any, Site]]:
    """Yield the [layer, call, output] triples of a structure of lists and objects, in Keras' order: keys are sorted."""
    for item, item_site in _walk(value, site, _is_triple):
        if not _is_triple(item):
            raise item_site.refusal("this is not a tensor", "[layer, call, output]", shown(item))
        yield item, item_site


def arguments(value: Any, site: Site) -> Iterator[tuple[Any, Site]]:
    """Yield the tensors of an argument of a call, in Keras' order, and any other values among them."""
    return _walk(value, site, lambda item: isinstance(item, dict) and "class_name" in item)


def _is_triple(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


def _walk(value: Any, site: Site, is_leaf: Callable[[Any], bool]) -> Iterator[tuple[Any, Site]]:
    """Yield the leaves of a structure of lists and objects, and all values that are neither, with their sites."""
    if isinstance(value, list) and not is_leaf(value):
        for number, item in enumerate(value):
            yield from _walk(item, site.reading(number), is_leaf)
    elif isinstance(value, dict) and not is_leaf(value):
        for key in sorted(value):
            yield from _walk(value[key], site.reading(key), is_leaf)
    else:
        yield value, site
