"""Translation of models, Functional and Sequential, and the models inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from models.errors import InvalidDocument, Problem, shown
from models.reading.keras_json.calls import Callee, call_of
from models.reading.keras_json.casts import DEFAULT_DTYPE, add_casts, declared_dtypes, may_differ
from models.reading.keras_json.classes import (
    MODELS,
    TRACE,
    check_own,
    is_model,
    is_sequential,
    is_subclass,
    layer_class,
    note_subclass,
    saved_class,
)
from models.reading.keras_json.inferred import inferred
from models.reading.keras_json.inputs import input_name, input_spec, inputs_of, is_input, without_batch
from models.reading.keras_json.site import Site
from models.reading.keras_json.tensors import Sources, leaves, output_address
from models.reading.keras_json.values import translate_layer
from models.reading.keras_json.wiring import entry_name, graph_fields, sources_of

Entry = dict[str, Any]
EntrySite = tuple[Entry, Site]


def translate_model(entry: Entry, site: Site) -> dict[str, Any]:
    """Translate a serialised model of either kind to its `name`, `input`, `layers` and `outputs`.

    Raises:
        InvalidDocument: with every layer that is refused.
    """
    if is_subclass(entry):
        note_subclass(entry, site)
    else:
        _check_model(entry, site)
    config = site.reading("config").object(entry.get("config"), "config")
    inner = site.opened("config")
    layers = inner.reading("layers").array(config.get("layers"), "layers")
    sites = [inner.reading("layers", number) for number in range(len(layers))]
    entries = [(entry_site.object(item, "a layer"), entry_site) for item, entry_site in zip(layers, sites, strict=True)]
    read = _sequential if is_sequential(entry) else _functional
    fields = read(config, entries, inner)
    return {"name": config.get("name"), **fields, "trainable": config.get("trainable") is not False}


def _check_model(entry: Entry, site: Site) -> None:
    """Check that a model whose class is not known to be a graph is of one of Keras' own.

    Raises:
        InvalidDocument: pointing to the class or its module.
    """
    word, module = check_own(entry, site, TRACE), entry.get("module", "keras")
    if word not in MODELS:
        message = f"{shown(word)} is not a model by itself"
        raise site.reading("class_name").refusal(message, " or ".join(MODELS), shown(word), "put it into a Sequential")
    if module not in MODELS[word]:
        expected = " or ".join(MODELS[word])
        raise site.reading("module").refusal(f"{shown(word)} is no model of this module", expected, shown(module))


def _functional(config: dict[str, Any], entries: list[EntrySite], site: Site) -> dict[str, Any]:
    """Translate a graph of layers that name their inputs."""
    sources = sources_of(entries)
    inputs = inputs_of(config, entries, site)
    layers = _read_all(entries, site, lambda entry, entry_site: _read_called(entry, sources, entry_site))
    site.reading("output_layers").into(site, "outputs")
    outputs = [
        output_address(value, sources, output_site.into(site, "outputs", number))
        for number, (value, output_site) in enumerate(
            leaves(config.get("output_layers"), site.reading("output_layers"))
        )
    ]
    return {"input": inputs, "layers": layers, "outputs": outputs}


def _sequential(config: dict[str, Any], entries: list[EntrySite], site: Site) -> dict[str, Any]:
    """Translate a list of layers, each reading the one before."""
    for _, entry_site in [item for number, item in enumerate(entries) if number and is_input(item[0])]:
        raise entry_site.refusal("an InputLayer stands first in a Sequential model", "the first place", "another place")
    before = {id(entry): [other for other, _ in entries[:number]] for number, (entry, _) in enumerate(entries)}
    layers = _read_all(entries, site, lambda entry, entry_site: _read_sequential(entry, entry_site, before[id(entry)]))
    if entries and is_input(entries[0][0]):
        entry, entry_site = entries[0]
        name = input_name(entry, entry_site)
        return {"input": {name: input_spec(entry, entry_site.into(site, "input", name))}, "layers": layers}
    shape = config.get("build_input_shape")
    if shape is None:
        return {"input": None, "layers": layers}
    name = _free_name(layers)
    at = site.reading("build_input_shape").into(site, "input", name)
    return {"input": {name: {"shape": without_batch(shape, at)}}, "layers": layers}


def _read_all(
    entries: Iterable[EntrySite], site: Site, read: Callable[[Entry, Site], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Read every layer but the inputs; the problems of all of them are raised together."""
    problems: list[Problem] = []
    layers: list[dict[str, Any]] = []
    for entry, entry_site in [item for item in entries if not is_input(item[0])]:
        try:
            layers.append(read(entry, entry_site.into(site, "layers", len(layers))))
        except InvalidDocument as error:
            problems += error.problems
            layers.append({})
    if problems:
        raise InvalidDocument("", problems)
    return layers


def _read_member(entry: Entry, site: Site) -> dict[str, Any]:
    """Read a layer, or a model as one layer, without its inputs."""
    if "shared_object_id" in entry:
        message = "this layer stands in two models, and a document shares layers within one list only"
        raise site.reading("shared_object_id").refusal(message, "a layer of one model", "a shared object")
    return _read(entry, site)


def _read(entry: Entry, site: Site) -> dict[str, Any]:
    """Read a layer, or a model as a block."""
    return _block(entry, site) if is_model(entry) else translate_layer(entry, layer_class(entry, site), site, _read)


def _read_sequential(entry: Entry, site: Site, before: Sequence[Entry]) -> dict[str, Any]:
    """Read a layer of a Sequential model, whose input dtype is not recorded."""
    layer_fields = _read_member(entry, site)
    add_casts(layer_fields, [[None if may_differ(before) else DEFAULT_DTYPE]])
    return layer_fields


def _read_called(entry: Entry, sources: Sources, site: Site) -> dict[str, Any]:
    """Read a layer or a model with the inputs of each of its calls."""
    layer_fields = _read_member(entry, site)
    cls = None if is_model(entry) else layer_class(entry, site)
    layer_fields["name"] = entry_name(entry, site)
    if "name" in entry:
        site.reading("name").writing("name")
    sites = [site.reading("inbound_nodes", number) for number in range(len(entry["inbound_nodes"]))]
    nodes = zip(entry["inbound_nodes"], sites, strict=True)
    keyed = isinstance(entry["config"].get("input_layers"), dict)
    callee = Callee(cls, tuple(layer_fields["input"]) if cls is None else (), sources, keyed)
    calls = [call_of(node, callee, call_site) for node, call_site in nodes]
    add_casts(layer_fields, [call.dtypes for call in calls])
    layer_fields |= inferred(cls, layer_fields, calls)
    return layer_fields | graph_fields(calls, sites, site, cls)


def _block(entry: Entry, site: Site) -> dict[str, Any]:
    """Read a model inside another as a block."""
    inner = translate_model(entry, site)
    names = list(inner["input"]) if inner["input"] else [_free_name(inner["layers"])]
    block = {"type": "Block", "name": inner["name"], "input": names, "layers": inner["layers"]}
    block |= {"class_name": saved_class(entry)}
    block |= declared_dtypes(inner["input"])  # its `trainable` has no effect in Keras: that of its layers does
    return block | ({"outputs": inner["outputs"]} if "outputs" in inner else {})


def _free_name(layers: Iterable[dict[str, Any]]) -> str:
    """Return a name for the input of a model that names none."""
    taken = {layer.get("name") for layer in layers if isinstance(layer.get("name"), str)}
    number = 0
    while (name := f"input_{number}" if number else "input") in taken:
        number += 1
    return name
