"""Translation of input layers: the shape without the batch, and the dtype."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from models.errors import shown
from models.reading.keras_json.site import Site
from models.reading.keras_json.tensors import leaves
from models.reading.keras_json.values import dtype_of


def is_input(entry: dict[str, Any]) -> bool:
    """Whether a serialised layer is an input."""
    return entry.get("class_name") == "InputLayer" and entry.get("module", "keras.layers") == "keras.layers"


def input_name(entry: dict[str, Any], site: Site) -> str:
    """Return the name of an InputLayer."""
    config = site.reading("config").object(entry.get("config"), "config")
    return site.reading("config", "name").text(config.get("name"), "name")


def inputs_of(
    config: dict[str, Any], entries: Iterable[tuple[dict[str, Any], Site]], site: Site
) -> dict[str, dict[str, Any]]:
    """Return the inputs of a graph, in the order of its own `input_layers`."""
    declared = {input_name(entry, entry_site): (entry, entry_site) for entry, entry_site in entries if is_input(entry)}
    inputs = {}
    listed = site.reading("input_layers")
    listed.into(site, "input")
    for (name, *_), name_site in leaves(config.get("input_layers"), listed):
        if name not in declared:
            raise name_site.reading(0).refusal("this is not an InputLayer", "the name of an InputLayer", shown(name))
        entry, entry_site = declared[name]
        inputs[name] = input_spec(entry, entry_site.into(site, "input", name))
    return inputs


def input_spec(entry: dict[str, Any], site: Site) -> dict[str, Any]:
    """Return the document's form of an InputLayer. A fixed batch is dropped: any batch may be posted.

    Raises:
        InvalidDocument: for sparse and ragged inputs, and for an invalid shape.
    """
    config = site.reading("config").object(entry.get("config"), "config")
    for flag in ("sparse", "ragged"):
        if config.get(flag):
            raise site.reading("config", flag).refusal(f"inputs cannot be {flag}", "false", shown(config[flag]))
    key = next((key for key in ("batch_shape", "batch_input_shape") if key in config), "batch_shape")
    shape = site.reading("config", key)
    spec = {"shape": without_batch(config.get(key), shape)}
    if config.get("dtype") is not None:
        dtype = site.reading("config", "dtype")
        spec["dtype"] = dtype_of(config["dtype"], dtype.writing("dtype"))
    return spec


def without_batch(value: Any, site: Site) -> list[Any]:
    """Return a batch shape as the document writes it."""
    lengths = site.array(value, "a shape")
    if not lengths:
        raise site.refusal("a shape needs an axis for the batch", "an array that begins with the batch", "[]")
    site.writing("shape")
    for number in range(1, len(lengths)):
        site.reading(number).writing("shape", number - 1)
    return lengths[1:]
