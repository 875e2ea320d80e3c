"""Models, Functional and Sequential, and the models inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from models.errors import InvalidDocument, Problem, shown
from models.reading.keras_json.calls import Callee, call_of
from models.reading.keras_json.casts import USUAL, declared, may_differ, settle
from models.reading.keras_json.classes import MODELS, check_own, is_model, layer_class
from models.reading.keras_json.inputs import input_name, input_spec, inputs_of, is_input, without_batch
from models.reading.keras_json.site import Site
from models.reading.keras_json.tensors import Sources, leaves, output_address
from models.reading.keras_json.values import layer
from models.reading.keras_json.wiring import entry_name, sources_of, spelled

Entry = dict[str, Any]
Placed = tuple[Entry, Site]


def model(entry: Entry, site: Site) -> dict[str, Any]:
    """The `name`, `input`, `layers` and `outputs` of a serialised model of either kind.

    Raises:
        InvalidDocument: with every layer that cannot be taken.
    """
    word = check_own(entry, site)
    module = entry.get("module", "keras")
    if word not in MODELS:
        message = f"{shown(word)} is not a model by itself"
        raise site.reading("class_name").refusal(message, " or ".join(MODELS), shown(word), "put it into a Sequential")
    if module not in MODELS[word]:
        expected = " or ".join(MODELS[word])
        raise site.reading("module").refusal(f"{shown(word)} is no model of this module", expected, shown(module))
    config = site.reading("config").object(entry.get("config"), "config")
    inner = site.opened("config")
    layers = inner.reading("layers").array(config.get("layers"), "layers")
    source_map = [inner.reading("layers", number) for number in range(len(layers))]
    entries = [(place.object(item, "a layer"), place) for item, place in zip(layers, source_map, strict=True)]
    made = _sequential(config, entries, inner) if word == "Sequential" else _functional(config, entries, inner)
    return {"name": config.get("name"), **made, "trainable": config.get("trainable") is not False}


def _functional(config: dict[str, Any], entries: list[Placed], site: Site) -> dict[str, Any]:
    """A graph of layers that say what they read."""
    sources = sources_of(entries)
    inputs = inputs_of(config, entries, site)
    layers = _each(entries, site, lambda entry, place: _called(entry, sources, place))
    site.reading("output_layers").into(site, "outputs")
    outputs = [
        output_address(value, sources, place.into(site, "outputs", number))
        for number, (value, place) in enumerate(leaves(config.get("output_layers"), site.reading("output_layers")))
    ]
    return {"input": inputs, "layers": layers, "outputs": outputs}


def _sequential(config: dict[str, Any], entries: list[Placed], site: Site) -> dict[str, Any]:
    """A list of layers, each reading the one before."""
    for _, place in [placed for number, placed in enumerate(entries) if number and is_input(placed[0])]:
        raise place.refusal("an InputLayer stands first in a Sequential model", "the first place", "another place")
    before = {id(entry): [other for other, _ in entries[:number]] for number, (entry, _) in enumerate(entries)}
    layers = _each(entries, site, lambda entry, place: _in_a_row(entry, place, before[id(entry)]))
    if entries and is_input(entries[0][0]):
        entry, place = entries[0]
        name = input_name(entry, place)
        return {"input": {name: input_spec(entry, place.into(site, "input", name))}, "layers": layers}
    shape = config.get("build_input_shape")
    if shape is None:
        return {"input": None, "layers": layers}
    name = _free_name(layers)
    at = site.reading("build_input_shape").into(site, "input", name)
    return {"input": {name: {"shape": without_batch(shape, at)}}, "layers": layers}


def _each(entries: Iterable[Placed], site: Site, read: Callable[[Entry, Site], dict[str, Any]]) -> list[dict[str, Any]]:
    """Every layer but the inputs; the problems of all of them are told together."""
    problems: list[Problem] = []
    layers: list[dict[str, Any]] = []
    for entry, place in [placed for placed in entries if not is_input(placed[0])]:
        try:
            layers.append(read(entry, place.into(site, "layers", len(layers))))
        except InvalidDocument as error:
            problems += error.problems
            layers.append({})
    if problems:
        raise InvalidDocument("", problems)
    return layers


def _placed(entry: Entry, site: Site) -> dict[str, Any]:
    """A layer, or a model as one layer, without what it reads."""
    if "shared_object_id" in entry:
        message = "this layer stands in two models, and a document shares layers within one list only"
        raise site.reading("shared_object_id").refusal(message, "a layer of one model", "a shared object")
    return _read(entry, site)


def _read(entry: Entry, site: Site) -> dict[str, Any]:
    """A layer, or a model as a block."""
    return _block(entry, site) if is_model(entry) else layer(entry, layer_class(entry, site), site, _read)


def _in_a_row(entry: Entry, site: Site, before: Sequence[Entry]) -> dict[str, Any]:
    """A layer of a Sequential model, whose input's dtype stands nowhere."""
    written = _placed(entry, site)
    settle(written, [[None if may_differ(before) else USUAL]])
    return written


def _called(entry: Entry, sources: Sources, site: Site) -> dict[str, Any]:
    """A layer or a model with what it reads in each of its calls."""
    written = _placed(entry, site)
    cls = None if is_model(entry) else layer_class(entry, site)
    written["name"] = entry_name(entry, site)
    if "name" in entry:
        site.reading("name").writing("name")
    source_map = [site.reading("inbound_nodes", number) for number in range(len(entry["inbound_nodes"]))]
    nodes = zip(entry["inbound_nodes"], source_map, strict=True)
    keyed = isinstance(entry["config"].get("input_layers"), dict)
    callee = Callee(cls, tuple(written["input"]) if cls is None else (), sources, keyed)
    calls = [call_of(node, callee, place) for node, place in nodes]
    settle(written, [call.dtypes for call in calls])
    return written | spelled(calls, source_map, site)


def _block(entry: Entry, site: Site) -> dict[str, Any]:
    """A model inside another."""
    inner = model(entry, site)
    names = list(inner["input"]) if inner["input"] else [_free_name(inner["layers"])]
    kind = "Sequential" if entry["class_name"] == "Sequential" else "Functional"
    made = {"type": "Block", "name": inner["name"], "class_name": kind, "input": names, "layers": inner["layers"]}
    made |= declared(inner["input"])  # its `trainable` counts for nothing in Keras: that of its layers does
    return made | ({"outputs": inner["outputs"]} if "outputs" in inner else {})


def _free_name(layers: Iterable[dict[str, Any]]) -> str:
    """A name for the input of a model that names none."""
    taken = {layer.get("name") for layer in layers if isinstance(layer.get("name"), str)}
    number = 0
    while (name := f"input_{number}" if number else "input") in taken:
        number += 1
    return name
