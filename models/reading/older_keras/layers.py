"""Layers of Keras 1 and 2 in the form of Keras 3: classes and arguments under their new names, and what has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.errors import shown
from models.layers import CATALOGUE
from models.reading.keras_json.site import Site
from models.reading.keras_json.values import is_one_of
from models.reading.older_keras.arguments import (
    DEFAULTS,
    IRRELEVANT,
    IRRELEVANT_OF_CLASS,
    NEUTRAL,
    TRAINING,
    combined,
    modern_name,
)
from models.reading.older_keras.classes import CLASSES, FIXED, GONE, check_known
from models.reading.older_keras.values import is_object, modern_value

Entry = dict[str, Any]
Member = Callable[[Entry, Site], Entry]
"""Rewrites a layer or a model inside a layer."""
BATCH_SHAPE = "batch_input_shape"


def input_layer(first: Entry, site: Site) -> list[Entry]:
    """Return the InputLayer that the first layer of a Sequential stands for, if it is not one itself."""
    config = first.get("config")
    while isinstance(config, dict) and BATCH_SHAPE not in config and is_object(config.get("layer")):
        config = config["layer"]["config"]
    if not isinstance(config, dict) or BATCH_SHAPE not in config or first.get("class_name") == "InputLayer":
        return []
    name = site.at("config", "name").text(config.get("name"), "name")
    dtype = config.get("input_dtype") or config.get("dtype")
    dtype = dtype if isinstance(dtype, str) and not dtype.startswith("mixed") else "float32"
    fields = {"batch_shape": config[BATCH_SHAPE], "dtype": dtype, "name": f"{name}_input"}
    site.reading("config", BATCH_SHAPE).into(site, "config", "batch_shape")
    return [{"module": "keras.layers", "class_name": "InputLayer", "config": fields, "registered_name": None}]


def modern_layer(entry: Entry, site: Site, member: Member) -> Entry:
    """Rewrite a layer that is no model and no operation.

    Raises:
        InvalidDocument: Keras 3 has no equivalent, or the class is not Keras' own.
    """
    word = site.at("class_name").text(entry.get("class_name"), "class_name")
    if word in GONE:
        reason, advice = GONE[word]
        message, expected = f"{word} {reason}", "a layer of GET /v1/layers"
        raise site.reading("class_name").refusal(message, expected, shown(word), advice)
    check_known(entry, word, site)
    config = site.at("config").object(entry.get("config"), "config")
    name = CLASSES.get(word, word)
    if callable(name):
        name = name(config, site.at("config"))
    arguments = _arguments(name, combined(config, word, site.at("config")), site.at("config"), member)
    known = CATALOGUE.get(name)
    return {
        "module": "keras.layers" if known is None else known.keras_modules[0],
        "class_name": name, "registered_name": None,
        "config": DEFAULTS.get(word, {}) | arguments | FIXED.get(word, {}),
    }  # fmt: skip


def _arguments(word: str, config: Entry, site: Site, member: Member) -> Entry:
    """Rewrite the arguments of a layer of this class of Keras 3."""
    arguments: Entry = {}
    for key, value in config.items():
        new = modern_name(word, key)
        if _is_irrelevant(word, key, new) or _is_neutral(word, key, value):
            continue
        place = site.reading(key).into(site, new) if new != key else site.at(key)
        if is_object(value) and key in ("layer", "backward_layer", "cell"):
            arguments[new] = member(value, place)
        elif key == "cells":
            cells = enumerate(place.array(value, key))
            arguments[new] = [
                member(place.at(number).object(cell, "a cell"), place.at(number)) for number, cell in cells
            ]
        else:
            arguments[new] = modern_value(word, new, value, place, member)
    return arguments


def _is_irrelevant(word: str, key: str, new: str) -> bool:
    """Whether an argument changes no number at inference, or has a use in a single class only, where it is renamed."""
    return key.endswith(TRAINING) or (key in IRRELEVANT and new == key) or key in IRRELEVANT_OF_CLASS.get(word, ())


def _is_neutral(word: str, key: str, value: Any) -> bool:
    """Whether an argument that Keras 3 lacks has a value without effect."""
    return is_one_of(value, NEUTRAL.get(f"{word}.{key}", NEUTRAL.get(key, ())))
