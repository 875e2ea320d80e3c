"""Dtype casts at the inputs of inner models: Keras casts what it gives to a model, and so does a document.

Source: keras.src.models.functional.Functional._convert_inputs_to_tensors. A cast is added only where it may
change something; the layer has the name of Keras' InputLayer, since it returns what that returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

DTYPES_KEY = "casts"
"""Temporary key in a translated block for the declared dtypes of its inputs."""
DEFAULT_DTYPE = "float32"
"""The dtype of inputs that declare none."""


def declared_dtypes(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the declared dtypes of a model's inputs, to be added to its block."""
    return {DTYPES_KEY: {name: spec.get("dtype", DEFAULT_DTYPE) for name, spec in (inputs or {}).items()}}


def add_casts(layer: dict[str, Any], call_dtypes: Iterable[Sequence[str | None]]) -> None:
    """Cast the inputs of a translated layer, a block or its wrapper, where needed; a dtype of None is unknown."""
    block = layer
    while isinstance(block.get("layer"), dict):
        block = block["layer"]
    dtypes: Mapping[str, Any] = block.pop(DTYPES_KEY, {})
    calls = list(call_dtypes)
    for number, (name, dtype) in enumerate(dtypes.items()):
        if block["layers"] and any(call[number] != dtype for call in calls if number < len(call)):
            _cast(block, name, dtype)


def _cast(block: dict[str, Any], name: str, dtype: Any) -> None:
    """Let the layers of a block read one of its inputs in another dtype."""
    layers = block["layers"]
    taken = {*block["input"], *(layer.get("name") for layer in layers)}
    uncast = f"{name}_given"
    while uncast in taken:
        uncast += "_"
    block["input"] = [uncast if input_name == name else input_name for input_name in block["input"]]
    block.setdefault("outputs", [layers[-1].get("name")])
    if not {"inputs", "calls"} & layers[0].keys():
        layers[0]["inputs"] = [name]  # of a Sequential; others name what they read
    layers.append({"type": "ops.cast", "name": name, "dtype": dtype, "inputs": [uncast]})


def may_differ(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the output of consecutive layers may have a dtype other than float32."""
    return any(_dtype(entry) not in (None, DEFAULT_DTYPE) for entry in entries)


def _dtype(entry: Mapping[str, Any]) -> Any:
    """Return the dtype, or the name of the policy, of a serialised layer."""
    config = entry.get("config")
    dtype = config.get("dtype") if isinstance(config, dict) else None
    inner = dtype.get("config") if isinstance(dtype, dict) else None
    return inner.get("name") if isinstance(inner, dict) else dtype
