"""Wiring of the layers of a graph: sources of tensors, and the calls that read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from models.errors import InvalidDocument, shown
from models.layers.layer import Layer
from models.reading.keras_json.calls import KerasCall
from models.reading.keras_json.classes import is_model, is_sequential, layer_class
from models.reading.keras_json.inputs import is_input
from models.reading.keras_json.site import Site
from models.reading.keras_json.tensors import SourceLayer, Sources, leaves


def sources_of(entries: Iterable[tuple[dict[str, Any], Site]]) -> Sources:
    """Return every layer by name, and how it may be referenced.

    Raises:
        InvalidDocument: for a duplicate name, and a layer that is never called.
    """
    sources: Sources = {}
    for entry, site in entries:
        name = entry_name(entry, site)
        if name in sources:
            raise site.reading("name").refusal("this name is taken", "a name used once", shown(name))
        sources[name] = _source(entry, site)
    return sources


def _source(entry: dict[str, Any], site: Site) -> SourceLayer:
    if is_input(entry):
        return SourceLayer(1)
    nodes = site.reading("inbound_nodes").array(entry.get("inbound_nodes"), "inbound_nodes")
    if not nodes:
        raise site.reading("inbound_nodes").refusal("this layer is never called", "one call or more", "none")
    if not is_model(entry):
        return SourceLayer(len(nodes), _returns_several(entry, site))
    if is_sequential(entry):
        return SourceLayer(len(nodes))
    outputs = leaves(entry["config"].get("output_layers"), site.reading("config", "output_layers"))
    return SourceLayer(len(nodes), len(list(outputs)) > 1, is_functional=True)


def _returns_several(entry: dict[str, Any], site: Site) -> bool:
    """Whether a call may return several tensors, so that a reference must name one."""
    try:
        return layer_class(entry, site).output_count is not Layer.output_count
    except InvalidDocument:
        return False  # reported when the layer itself is read


def entry_name(entry: dict[str, Any], site: Site) -> str:
    """Return the name of a layer in a graph."""
    if "name" in entry:
        return site.reading("name").text(entry["name"], "name")
    config = site.reading("config").object(entry.get("config"), "config")
    return site.reading("config", "name").text(config.get("name"), "name")


def graph_fields(
    calls: Sequence[KerasCall], sites: Sequence[Site], site: Site, cls: type[Layer] | None
) -> dict[str, Any]:
    """Return the graph fields of a layer (of a model without `cls`) for one call or several, and the call arguments
    that are fields here.
    """
    is_single = len(calls) == 1
    for number, (call, call_site) in enumerate(zip(calls, sites, strict=True)):
        head = ("inputs",) if is_single else ("calls", number)
        call_site.into(site, *head)
        for position, (_, input_site) in enumerate(call.inputs):
            input_site.into(site, *head, position)
        for name in call.keywords:
            call.sites[name].into(site, "keywords", *(() if is_single else (number,)), name)
    addresses = [[address for address, _ in call.inputs] for call in calls]
    fields: dict[str, Any] = {"inputs": addresses[0]} if is_single else {"calls": addresses}
    if any(call.keywords for call in calls):
        fields["keywords"] = calls[0].keywords if is_single else [call.keywords for call in calls]
    if any(call.positional is not None for call in calls):
        fields["positional"] = calls[0].positional if is_single else [call.positional for call in calls]
    flags = {} if cls is None else _flags(calls, site, cls)
    return flags | _shared_fields(calls, site) | fields


def _flags(calls: Sequence[KerasCall], site: Site, cls: type[Layer]) -> dict[str, Any]:
    """Take the flags that may differ between calls out of the calls, and return a value or, if they do, one a call."""
    flags: dict[str, Any] = {}
    for name in sorted(cls.per_call & {name for call in calls for name in call.fields}):
        values = [call.fields.pop(name, cls.model_fields[name].default) for call in calls]
        is_one = all(value == values[0] for value in values)
        flags[name] = values[0] if is_one else values
        for number, call in enumerate(calls):
            if name in call.sites:
                call.sites[name].into(site, name, *(() if is_one else (number,)))
    return flags


def _shared_fields(calls: Sequence[KerasCall], site: Site) -> dict[str, Any]:
    """Return the constants of the calls, which must be the same in all."""
    first = calls[0]
    for call in calls:
        for name, value in call.fields.items():
            if name not in first.fields or first.fields[name] != value or call.fields.keys() != first.fields.keys():
                message = f"the calls of a shared layer differ in {name}"
                raise call.sites[name].refusal(message, "the same in every call", shown(value))
    for name in first.fields:
        first.sites[name].into(site, name)
    return first.fields
