"""Masks in models of Keras 2: Keras 3 joins and drops them by other rules, so that what would differ is refused.

In Keras 2 a sum has the mask of all inputs that have one, in Keras 3 of any; and Keras 3 hands masks on through layers
that dropped them.
Source: tf_keras.src.layers.merging.base_merge, keras.src.layers.merging.base_merge (compute_mask).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from models.errors import InvalidDocument
from models.errors.problem import pointer_to
from models.reading.keras_json.classes import MODELS
from models.reading.older_keras.values import RECURRENT

Entry = Mapping[str, Any]
MERGES = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
DROPPED = ("Identity", "Normalization", "Rescaling")
"""Layers that had no mask in Keras 2, and hand it on in Keras 3."""
ENDS = ("Dot", "Embedding", "GlobalAveragePooling1D", "GlobalMaxPooling1D")
"""Layers whose output has no mask in either."""


def check_masks(model: Entry, pointer: str) -> None:
    """Check a model that is rewritten in the form of Keras 3.

    Raises:
        InvalidDocument: pointing to a layer whose mask Keras 3 computes otherwise.
    """
    if any(_is_source(entry) for entry in layers_below(model)):
        _check(model, pointer, is_inner=False)


def layers_below(entry: Entry) -> Iterator[Entry]:
    """Yield all layers, at any depth."""
    waiting: list[Any] = [entry]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value and isinstance(value.get("config"), dict):
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _is_source(entry: Entry) -> bool:
    config = entry["config"]
    return entry["class_name"] == "Masking" or (entry["class_name"] == "Embedding" and bool(config.get("mask_zero")))


def _check(model: Entry, pointer: str, is_inner: bool) -> None:
    """Check one model; the inputs of an inner one may have masks."""
    layers = model["config"]["layers"]
    reads = [_reads(entry) for entry in layers]
    if model["class_name"] == "Sequential":
        reads = [[number - 1] if number else [] for number in range(len(layers))]
    else:
        places = {entry.get("name"): number for number, entry in enumerate(layers)}
        reads = [[places[name] for name in names if name in places] for names in reads]
    masks: dict[int, str | None] = {}
    for number in _ordered(reads):
        at = f"{pointer}{pointer_to(['config', 'layers', number])}"
        masks[number] = _mask(layers[number], [masks.get(other) for other in reads[number]], number, at, is_inner)


def _ordered(reads: Sequence[Sequence[int]]) -> list[int]:
    """Return the layers, each after those that it reads; a cycle is refused elsewhere."""
    try:
        return list(TopologicalSorter(dict(enumerate(reads))).static_order())
    except CycleError:
        return []


def _reads(entry: Entry) -> list[Any]:
    """Return the names of the layers whose outputs a layer reads as its inputs."""
    names = []
    for node in entry.get("inbound_nodes", ()):
        for argument in node["args"][:1]:
            tensors = argument if isinstance(argument, list) else [argument]
            names += [one["config"]["keras_history"][0] for one in tensors if isinstance(one, dict) and "config" in one
                      and "keras_history" in one["config"]]  # fmt: skip
    return names


def _mask(entry: Entry, given: Sequence[str | None], number: int, pointer: str, is_inner: bool) -> str | None:
    """Return what the mask of a layer's output is: the same text for the same mask, None for none."""
    word, distinct = entry["class_name"], set(given)
    if word == "InputLayer":
        return f"input {number}" if is_inner else None
    if word in MODELS:
        _check(entry, pointer, is_inner=True)
        return f"model {number}" if distinct - {None} else None
    if _is_source(entry):
        return f"layer {number}"
    if word in MERGES and len(distinct) > 1:
        raise _refusal(pointer, f"{word} joins masks otherwise in Keras 3", "inputs with the same mask, or none")
    if word in DROPPED and distinct - {None}:
        raise _refusal(pointer, f"{word} hands on its mask in Keras 3, and drops it in Keras 2", "an input without one")
    return None if _ends(entry) else next((mask for mask in given if mask is not None), None)


def _ends(entry: Entry) -> bool:
    """Whether the output has no mask: of operations, and of recurrent layers that return the last step."""
    word, config = entry["class_name"], entry["config"]
    if word == "Bidirectional":
        return not (isinstance(config.get("layer"), dict) and config["layer"]["config"].get("return_sequences"))
    is_last = word in RECURRENT and not config.get("return_sequences")
    return is_last or word in ENDS or str(entry.get("module")).startswith("keras.src.ops")


def _refusal(pointer: str, message: str, expected: str) -> InvalidDocument:
    advice = "give the mask to the layers that use it, or build the same without masks"
    return InvalidDocument.at(pointer, message, expected=expected, received="another mask", suggestion=advice)
