"""Keras' description of the model in a SavedModel: its JSON, and that of the layers among the objects.

Source: tf_keras.src.saving.legacy.saved_model (constants, layer_serialization, load._read_legacy_metadata).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from models.weights.reader_refusal import Refusal
from models.weights.saved_model.object_graph import SavedObject

KERAS = "_tf_keras_"
"""How Keras' words for its objects begin."""
MODELS = ("_tf_keras_model", "_tf_keras_network", "_tf_keras_sequential")
NULL = msgspec.Raw(b"null")
MAX_CONFIG = 16 * 1024 * 1024
"""Most characters of the JSON."""
ADVICE = "send what Keras saves: model.save('model.keras') or model.save('model.h5')"
REBUILD = "build the same from layers of GET /v1/layers as a Functional model, and save that"


class Description(msgspec.Struct):
    """The name and the class of one of Keras' objects."""

    name: str
    class_name: str


class Named(msgspec.Struct):
    """The name in a config."""

    name: str


class Entry(msgspec.Struct):
    """A layer in the config of a model."""

    class_name: str
    config: Named


class Config(msgspec.Struct):
    """The config of a model of layers."""

    layers: list[Entry]


class Root(msgspec.Struct):
    """The JSON of the model itself, of which the config is passed on as it is; the first versions have it as
    `model_config`.
    """

    class_name: str
    config: msgspec.Raw = NULL
    model_config: msgspec.Raw = NULL
    keras_version: str | None = None
    backend: str | None = None


class KerasModel(NamedTuple):
    """The model's JSON as `to_json` gives it, what else it says of its writer, and the classes of its layers by their
    names.
    """

    text: str
    version: str | None
    backend: str | None
    classes: Mapping[str, str]


def keras_model(objects: Sequence[SavedObject], metadata: Mapping[int, str]) -> KerasModel:
    """Return the description of the model.

    Raises:
        Refusal: it is none of Keras', or without its config.
        msgspec.DecodeError: the JSON is damaged.
    """
    identifier, text = objects[0].identifier, metadata.get(0, "")
    if not identifier.startswith(KERAS):
        message = "this SavedModel is a graph without Keras' config, as tf.Module and model.export write it"
        raise Refusal(message, "an object of another kind than Keras' models", suggestion=ADVICE)
    if not text:
        message = "this SavedModel is without Keras' config, as tf.saved_model.save writes it"
        raise Refusal(message, "a model of Keras without its JSON", suggestion=ADVICE)
    if len(text) > MAX_CONFIG:
        raise Refusal("the config is too large", f"over {MAX_CONFIG} characters", too_large=True)
    root = msgspec.json.decode(text, type=Root)
    if root.config == NULL and root.model_config != NULL:
        root = msgspec.structs.replace(
            msgspec.json.decode(root.model_config, type=Root), keras_version=root.keras_version
        )
    json = msgspec.json.encode({"class_name": root.class_name, "config": root.config}).decode()
    return KerasModel(json, root.keras_version, root.backend, _classes(root, identifier))


def _classes(root: Root, identifier: str) -> dict[str, str]:
    """Return the classes of the config's layers; a model whose calls are code has none."""
    shown = root.class_name[:100].encode("unicode_escape").decode("ascii")
    with suppress(msgspec.ValidationError):
        layers = msgspec.json.decode(root.config, type=Config).layers if identifier in MODELS else ()
        if layers:
            return {entry.config.name: entry.class_name for entry in layers}
    message = f"{shown} is a class of its author's own, whose config holds no layers"
    raise Refusal(message, shown, suggestion=REBUILD)
