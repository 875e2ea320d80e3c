"""What the layers of a graph are to each other: sources of tensors, and readers of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from models.errors import InvalidDocument, shown
from models.layers.layer import Layer
from models.reading.keras_json.calls import Call
from models.reading.keras_json.classes import is_model, layer_class
from models.reading.keras_json.inputs import is_input
from models.reading.keras_json.site import Site
from models.reading.keras_json.tensors import Source, Sources, leaves


def sources_of(entries: Iterable[tuple[dict[str, Any], Site]]) -> Sources:
    """Every layer by name, and how it may be referred to.

    Raises:
        InvalidDocument: for a name that is used twice, and a layer that is never called.
    """
    sources: Sources = {}
    for entry, site in entries:
        name = entry_name(entry, site)
        if name in sources:
            raise site.reading("name").refusal("this name is taken", "a name used once", shown(name))
        sources[name] = _source(entry, site)
    return sources


def _source(entry: dict[str, Any], site: Site) -> Source:
    if is_input(entry):
        return Source(1)
    nodes = site.reading("inbound_nodes").array(entry.get("inbound_nodes"), "inbound_nodes")
    if not nodes:
        raise site.reading("inbound_nodes").refusal("this layer is never called", "one call or more", "none")
    if not is_model(entry):
        return Source(len(nodes), _returns_several(entry, site))
    if entry["class_name"] == "Sequential":
        return Source(len(nodes))
    outputs = leaves(entry["config"].get("output_layers"), site.reading("config", "output_layers"))
    return Source(len(nodes), len(list(outputs)) > 1, is_functional=True)


def _returns_several(entry: dict[str, Any], site: Site) -> bool:
    """Whether a call may return several tensors, so that a reference must say which."""
    try:
        return layer_class(entry, site).output_count is not Layer.output_count
    except InvalidDocument:
        return False  # told when the layer itself is read


def entry_name(entry: dict[str, Any], site: Site) -> str:
    """The name of a layer in a graph."""
    if "name" in entry:
        return site.reading("name").text(entry["name"], "name")
    config = site.reading("config").object(entry.get("config"), "config")
    return site.reading("config", "name").text(config.get("name"), "name")


def spelled(calls: Sequence[Call], source_map: Sequence[Site], site: Site) -> dict[str, Any]:
    """The graph fields of a layer for one call or several, and the arguments of its calls that are fields here."""
    one = len(calls) == 1
    for number, (call, place) in enumerate(zip(calls, source_map, strict=True)):
        head = ("inputs",) if one else ("calls", number)
        place.into(site, *head)
        for position, (_, read_at) in enumerate(call.inputs):
            read_at.into(site, *head, position)
        for name in call.keywords:
            call.sites[name].into(site, "keywords", *(() if one else (number,)), name)
    addresses = [[address for address, _ in call.inputs] for call in calls]
    graph: dict[str, Any] = {"inputs": addresses[0]} if one else {"calls": addresses}
    if any(call.keywords for call in calls):
        graph["keywords"] = calls[0].keywords if one else [call.keywords for call in calls]
    if any(call.positional is not None for call in calls):
        graph["positional"] = calls[0].positional if one else [call.positional for call in calls]
    return _common(calls, site) | graph


def _common(calls: Sequence[Call], site: Site) -> dict[str, Any]:
    """The flags and constants of the calls, which must be the same in all."""
    first = calls[0]
    for call in calls:
        for name, value in call.fields.items():
            if name not in first.fields or first.fields[name] != value or call.fields.keys() != first.fields.keys():
                message = f"the calls of a shared layer differ in {name}"
                raise call.sites[name].refusal(message, "the same in every call", shown(value))
    for name in first.fields:
        first.sites[name].into(site, name)
    return first.fields
