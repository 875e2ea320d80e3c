"""Layers whose `type` is missing, unknown, or left out of the catalogue on purpose, told before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.errors import Problem, did_you_mean, shown
from models.layers import ALIASES, CATALOGUE, LAYERS
from models.layers.excluded import EXCLUDED

NAMES = [cls.type_name() for cls in LAYERS]
TYPES = sorted([*NAMES, *(alias for alias, name in ALIASES.items() if name in NAMES), "Block"])
OTHER_NAMES = {"Linear": "Dense", "FullyConnected": "Dense"}
"""What people also call a layer, where the spelling does not lead to it."""


def type_problems(layers: Any) -> Iterator[Problem]:
    """Layers whose `type` is missing, unknown or left out of the catalogue on purpose."""
    for position, layer in enumerate(layers if isinstance(layers, list) else []):
        if not isinstance(layer, dict):
            continue
        word = layer.get("type")
        if word not in TYPES if isinstance(word, str) else True:
            yield _type_problem(word).under(f"/{position}/type")
        elif word == "Block":
            yield from (problem.under(f"/{position}/layers") for problem in type_problems(layer.get("layers")))


def _type_problem(word: Any) -> Problem:
    expected = "the name of a layer of GET /v1/layers, or Block"
    if not isinstance(word, str):
        return Problem("", "a layer needs a type", expected, shown(word) if word is not None else "nothing")
    if word in CATALOGUE:
        message = f"{word} is a cell: it stands inside a layer that steps through time"
        return Problem("", message, expected, shown(word), f'write {{"type": "RNN", "cell": {{"type": "{word}", …}}}}')
    if word in EXCLUDED:
        return Problem("", f"{word} is not in the catalogue: {EXCLUDED[word]}", expected, shown(word), _instead(word))
    near = OTHER_NAMES.get(word) or did_you_mean(word.rpartition(".")[2], TYPES)
    return Problem(
        "", "there is no layer of this type", expected, shown(word), f'write "{near}"' if near else "see GET /v1/layers"
    )


def _instead(word: str) -> str | None:
    if word == "Layer":
        return 'write "Block" with "layers", as a sub-class would hold them'
    return 'declare the shape in the document\'s "input"' if word in ("InputLayer", "Input") else None
