"""Layers whose `type` is missing, unknown, or excluded from the catalogue, reported before anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from models.documents.synonyms import type_advice
from models.errors import Problem, did_you_mean, shown
from models.layers import ALIASES, CATALOGUE, LAYERS
from models.layers.excluded import DECLARE, EXCLUDED, INPUT_LAYERS, INSTEAD

NAMES = [cls.type_name() for cls in LAYERS]
TYPES = sorted([*NAMES, *(alias for alias, name in ALIASES.items() if name in NAMES), "Block"])
"""Every name of a type that may stand in a list of layers."""
NEAR = 0.8
"""Least similarity of a suggestion: names of layers are many, and half of any word is a part of one of them."""
TYPE_FIELDS = ("class_name", "class", "layer", "layer_type", "kind", "op")
"""Fields that hold the type in other formats."""
DIGIT = re.compile(r"\d")


def type_problems(layers: Any) -> Iterator[Problem]:
    """Yield problems of layers whose `type` is missing, unknown or excluded from the catalogue."""
    for position, layer in enumerate(layers if isinstance(layers, list) else []):
        if not isinstance(layer, dict):
            continue
        word = layer.get("type")
        if word not in TYPES if isinstance(word, str) else True:
            yield _type_problem(word, layer).under(f"/{position}/type")
        elif word == "Block":
            yield from (problem.under(f"/{position}/layers") for problem in type_problems(layer.get("layers")))


def _type_problem(word: Any, layer: dict[str, Any]) -> Problem:
    expected = "the name of a layer of GET /v1/layers, or Block"
    if not isinstance(word, str):
        received = shown(word) if word is not None else "nothing"
        return Problem("", "a layer needs a type", expected, received, _type_elsewhere(layer))
    if word in CATALOGUE:
        message = f"{word} is a cell: it stands inside a layer that steps through time"
        return Problem("", message, expected, shown(word), f'write {{"type": "RNN", "cell": {{"type": "{word}", …}}}}')
    if word in INPUT_LAYERS:
        message = f"{word} declares an input: it stands before all other layers of the document, and in no block"
        return Problem("", message, "at the head of the layers", shown(word), DECLARE)
    if word in EXCLUDED:
        return Problem("", f"{word} is not in the catalogue: {EXCLUDED[word]}", expected, shown(word), INSTEAD[word])
    name = word.rpartition(".")[2]
    advice = type_advice(name) or nearest_type(name) or "see GET /v1/layers"
    return Problem("", "there is no layer of this type", expected, shown(word), advice)


def _type_elsewhere(layer: dict[str, Any]) -> str | None:
    """Suggest what to write for a layer that names its type in another field."""
    field = next((name for name in TYPE_FIELDS if isinstance(layer.get(name), str)), None)
    if field is None:
        return None
    inner = ', and what is in "config" beside it' if isinstance(layer.get("config"), dict) else ""
    return f'write "type": {shown(layer[field])}{inner}'


def nearest_type(word: str) -> str | None:
    """Suggest the types nearest to a misspelled word: Conv1D, Conv2D and Conv3D are equally near to Conv."""
    axes = set(DIGIT.findall(word))
    known = [name for name in TYPES if not axes or set(DIGIT.findall(name)) in (set(), axes)]
    near = did_you_mean(word, known, NEAR)
    if near is None:
        return None
    family = [name for name in known if DIGIT.sub("", name) == DIGIT.sub("", near)] if not axes else [near]
    return f"write {' or '.join(shown(name) for name in family)}"
