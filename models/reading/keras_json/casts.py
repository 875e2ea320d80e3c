"""The dtypes of inner models' inputs: Keras casts what it gives to a model, and so does a document.

Source: keras.src.models.functional.Functional._convert_inputs_to_tensors. A cast is written down only where it may
change something; the layer bears the name of Keras' InputLayer, for it gives what that gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

DECLARED = "casts"
"""Where a block, while it is translated, keeps the dtypes that its inputs are declared with."""
USUAL = "float32"


def declared(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The dtypes of a model's inputs, for its block."""
    return {DECLARED: {name: spec.get("dtype", USUAL) for name, spec in (inputs or {}).items()}}


def settle(written: dict[str, Any], given: Iterable[Sequence[str | None]]) -> None:
    """Casts what a translated layer, a block or the holder of one, is given; a dtype of None is not known."""
    block = written
    while isinstance(block.get("layer"), dict):
        block = block["layer"]
    dtypes: Mapping[str, Any] = block.pop(DECLARED, {})
    calls = list(given)
    for number, (name, dtype) in enumerate(dtypes.items()):
        if block["layers"] and any(call[number] != dtype for call in calls if number < len(call)):
            _cast(block, name, dtype)


def _cast(block: dict[str, Any], name: str, dtype: Any) -> None:
    """Lets the layers of a block read one of its inputs in another dtype."""
    layers = block["layers"]
    taken = {*block["input"], *(layer.get("name") for layer in layers)}
    plain = f"{name}_given"
    while plain in taken:
        plain += "_"
    block["input"] = [plain if one == name else one for one in block["input"]]
    block.setdefault("outputs", [layers[-1].get("name")])
    if not {"inputs", "calls"} & layers[0].keys():
        layers[0]["inputs"] = [name]  # of a Sequential; others say what they read
    layers.append({"type": "ops.cast", "name": name, "dtype": dtype, "inputs": [plain]})


def may_differ(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether anything but float32 may come out of layers in a row."""
    return any(_dtype(entry) not in (None, USUAL) for entry in entries)


def _dtype(entry: Mapping[str, Any]) -> Any:
    """The dtype, or the name of the policy, of a serialised layer."""
    config = entry.get("config")
    found = config.get("dtype") if isinstance(config, dict) else None
    inner = found.get("config") if isinstance(found, dict) else None
    return inner.get("name") if isinstance(inner, dict) else found
