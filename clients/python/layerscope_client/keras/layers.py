"""Layers that the service has, as its documents write them: the arguments of their constructor, by Keras' names."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from layerscope_client.keras.activations import are_as_named
from layerscope_client.keras.catalogue import LayerType, is_activation, layer_type
from layerscope_client.keras.fixed import BATCHES, is_fixed

RENAMED = {"GroupedQueryAttention": "GroupQueryAttention"}
"""Classes that keras.layers exports under another name."""
WITHOUT_EFFECT: Mapping[str, tuple[Any, ...]] = {
    "autocast": (True,), "data_format": ("channels_last",), "quantization_config": (None,), "lora_rank": (None,),
    "lora_alpha": (None,), "rms_scaling": (False,), "unroll": (False,), "zero_output_for_mask": (False,),
    "vocabulary_size": (None,), "seed": (None,),
}  # fmt: skip
"""Arguments that the service's type may lack, with the values at which nothing is lost."""
DRAWN = ("initializer", "regularizer", "constraint")
"""Ends of the names of arguments that matter in training alone."""
MAX_SEED = 2**31
ROWS = tuple((batch,) for batch in BATCHES)
"""First lengths of tensors with a row for each of the batch."""


class NotOurs(Exception):
    """The service does not have a layer like this."""


def fields_of(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return the type and the arguments of a layer.

    Raises:
        NotOurs: it is of another class, or has an argument that a document cannot say.
    """
    name = RENAMED.get(type(layer).__name__, type(layer).__name__)
    known = layer_type(name)
    if known is None or not _is_kerass(type(layer), name, known) or name == "Masking":
        raise NotOurs(name)
    if layer.quantization_mode is not None:
        raise NotOurs("quantized")
    fields = _fields(name, known, _config(layer))
    if not are_as_named(layer):
        raise NotOurs("activation")
    return fields


def _config(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return Keras' config of a layer, where what is code of its author's may raise.

    Raises:
        NotOurs: Keras cannot write it.
    """
    attributes = vars(layer)
    code = {name: value for name, value in attributes.items() if name.endswith(DRAWN) and not _is_kerass_own(value)}
    try:
        attributes.update(dict.fromkeys(code))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is not safe to load: it is not loaded
            return dict(layer.get_config())
    except Exception as error:
        raise NotOurs(f"its config: {error}") from error
    finally:
        attributes.update(code)


def _is_kerass_own(value: Any) -> bool:
    """Whether a value is none, or of a class of Keras."""
    return value is None or type(value).__module__.startswith("keras.")


def _is_kerass(cls: type, name: str, known: LayerType) -> bool:
    """Whether a class is the one that the service has under this name, not one that is only called so."""
    if known.module == "keras.layers":
        return getattr(keras.layers, name, None) is cls
    return cls.__module__ == known.module


def _fields(name: str, known: LayerType, config: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": name}
    for key, value in config.items():
        written = _written(key, value)
        if key in known.fields:
            fields[key] = written
        elif key != "name" and written not in (None, *WITHOUT_EFFECT.get(key, ())):
            raise NotOurs(key)
    fields = {key: value for key, value in fields.items() if value is not None}
    if name == "Bidirectional" and _is_mirrored(fields["layer"], fields.get("backward_layer")):
        del fields["backward_layer"]
    if fields.get("dtype") == "float32":
        del fields["dtype"]
    if fields.get("mask_zero"):
        fields["mask_zero"] = False  # masks are written out, where they are read
    if fields.get("trainable") is True:
        del fields["trainable"]
    return fields


def _is_mirrored(forward: dict[str, Any], backward: dict[str, Any] | None) -> bool:
    """Whether the second layer of a Bidirectional is the first the other way round, as Keras makes it."""
    turned = {**forward, "go_backwards": not forward.get("go_backwards", False)}
    return backward is not None and turned == {"go_backwards": False, **backward}


def _written(key: str, value: Any) -> Any:
    """Return an argument as JSON."""
    if key.endswith(DRAWN):
        return _of_training(key, value)
    if key.endswith("activation"):
        return _activation(value)
    if key == "seed":
        return value if isinstance(value, int) and 0 <= value < MAX_SEED else None
    if isinstance(value, Mapping) and "class_name" in value:
        return _object(value)
    return as_json(value)


def _of_training(key: str, value: Any) -> Any:
    """Return an initializer of Keras' own; of another, zeros, since weights are sent. Other classes are left out."""
    is_initializer = key.endswith("initializer")
    own = isinstance(value, Mapping) and str(value.get("module")).startswith("keras.")
    if value is None or isinstance(value, str):
        return value
    if not own or not all(isinstance(item, int | float | str | None) for item in value["config"].values()):
        return "zeros" if is_initializer else None
    config = {name: item for name, item in value["config"].items() if name != "seed"}
    return {"type": value["class_name"], **config}


def _activation(value: Any) -> Any:
    """Return the name of an activation.

    Raises:
        NotOurs: it is a function of its author's, or has arguments.
    """
    if value is None or is_activation(value):
        return value
    raise NotOurs("activation")


def _object(value: Mapping[str, Any]) -> Any:
    """Return a dtype, or a layer inside a layer."""
    word, config = value["class_name"], value.get("config") or {}
    if word in {"DTypePolicy", "FloatDTypePolicy"}:
        return config["name"]
    if word == "SeedGenerator":
        return None
    known = layer_type(str(word))
    if known is None or value.get("module") != known.module or value.get("registered_name") not in (None, word):
        raise NotOurs(str(word))
    return _fields(str(word), known, config)


def as_json(value: Any) -> Any:
    """Return numbers, strings and lists of them as JSON.

    Raises:
        NotOurs: it is something else.
    """
    if isinstance(value, list | tuple):
        return [_object(item) if isinstance(item, dict) and "class_name" in item else as_json(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return as_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        raise NotOurs("a number that is not finite")
    if isinstance(value, str | int | float | bool | None):
        return value
    raise NotOurs(type(value).__name__)


def is_ours(layer: keras.layers.Layer, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a call is of a layer that the service has, on tensors that all have the batch or all follow from weights:
    its layers take no weights and no arrays, unless these have a row for each of the batch.
    """
    try:
        fields_of(layer)
    except NotOurs:
        return False
    values = keras.tree.flatten((args, dict(kwargs)))
    tensors = [value for value in values if isinstance(value, keras.KerasTensor)]
    arrays = [value for value in values if _is_array(value)]
    fixed = [tensor for tensor in tensors if is_fixed(tensor)]
    return len(fixed) == len(tensors) or all(tuple(value.shape[:1]) in ROWS for value in [*fixed, *arrays])


def _is_array(value: Any) -> bool:
    """Whether a value is an array, or a tensor with values."""
    return isinstance(value, np.ndarray | keras.Variable) or (
        keras.ops.is_tensor(value) and not isinstance(value, keras.KerasTensor)
    )
