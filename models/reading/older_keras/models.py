"""Models of Keras 1 and 2, Functional and Sequential, and the models inside them, in the form of Keras 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.errors import shown
from models.layers.valid_names import valid_names
from models.reading.keras_json.classes import MODELS, TRACE, custom_refusal, note_subclass
from models.reading.keras_json.site import Site
from models.reading.older_keras.calls import Graph, graph_of, is_model, modern_call, modern_references
from models.reading.older_keras.layers import input_layer, modern_layer
from models.reading.older_keras.operations import is_operation, modern_operation

Entry = dict[str, Any]


def modern_model(entry: Entry, site: Site) -> Entry:
    """Rewrite a model.

    Raises:
        InvalidDocument: for a layer without an equivalent.
    """
    word = site.at("class_name").text(entry.get("class_name"), "class_name")
    if not is_model(entry) and isinstance(entry.get("config"), dict | list):
        raise custom_refusal(word, site, "class_name", word, TRACE)
    if word not in MODELS:
        note_subclass(entry, site)
    config, inner = entry.get("config"), site.at("config")
    if isinstance(config, list):
        inner.reading().into(inner, "layers")
        config, sites = {"layers": config}, [inner.reading(number) for number in range(len(config))]
    else:
        listed = inner.at("layers").array(inner.object(config, "config").get("layers"), "layers")
        sites = [inner.reading("layers", number) for number in range(len(listed))]
    config = inner.object(config, "config")
    entries = [place.object(layer, "a layer") for layer, place in zip(config["layers"], sites, strict=True)]
    is_list = word == "Sequential" or "input_layers" not in config
    fields = _sequential(entries, sites, inner) if is_list else _functional(config, entries, sites, inner)
    kept = {key: config[key] for key in ("name", "trainable", "build_input_shape") if config.get(key) is not None}
    kind = "Sequential" if is_list else "Functional"
    return {"module": "keras", "class_name": kind, "config": kept | fields, "registered_name": None}


def _sequential(entries: Sequence[Entry], sites: Sequence[Site], site: Site) -> Entry:
    """Rewrite a list of layers. The first one may declare the input, which Keras 3 writes as a layer of its own."""
    declared = [] if not entries else input_layer(entries[0], sites[0].into(site, "layers", 0))
    layers = [
        modern_member(entry, place.into(site, "layers", number))
        for number, (entry, place) in enumerate(zip(entries, sites, strict=True), len(declared))
    ]
    configs = [layer["config"] for layer in (*declared, *layers) if isinstance(layer["config"].get("name"), str)]
    names = valid_names(config["name"] for config in configs)
    for config in configs:
        config["name"] = names[config["name"]]
    return {"layers": [*declared, *layers]}


def _functional(config: Entry, entries: Sequence[Entry], sites: Sequence[Site], site: Site) -> Entry:
    """Rewrite a graph of layers, with the names that Keras 3 allows in all references."""
    graph = graph_of(entries, sites, config)
    layers = [
        _called(entry, graph, place.into(site, "layers", number))
        for number, (entry, place) in enumerate(zip(entries, sites, strict=True))
    ]
    return {
        "layers": layers,
        "input_layers": modern_references(config.get("input_layers"), graph, shift=False),
        "output_layers": modern_references(config.get("output_layers"), graph, shift=True),
    }


def _called(entry: Entry, graph: Graph, site: Site) -> Entry:
    """Rewrite a layer of a graph and its calls."""
    name = graph.name_of(entry, site)
    nodes = site.at("inbound_nodes").array(entry.get("inbound_nodes", []), "inbound_nodes")
    places = [site.at("inbound_nodes", number) for number in range(len(nodes))]
    if is_operation(entry):
        return modern_operation(entry, name, list(zip(nodes, places, strict=True)), graph, site)
    modern = modern_member(entry, site)
    calls = [modern_call(node, modern["class_name"], graph, place) for node, place in zip(nodes, places, strict=True)]
    return modern | {"name": name, "config": modern["config"] | {"name": name}, "inbound_nodes": calls}


def modern_member(entry: Entry, site: Site) -> Entry:
    """Rewrite a layer, or a model as one layer, wherever it stands."""
    if is_model(entry):
        return modern_model(entry, site)
    if is_operation(entry):
        message = "this operation reads tensors of a graph, and stands in none"
        raise site.refusal(message, "a layer", shown(entry.get("class_name")))
    return modern_layer(entry, site, modern_member)
