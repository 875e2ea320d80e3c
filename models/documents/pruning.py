"""Pruning of unknown layer arguments beyond the number that is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from models.errors.problem import MAX_PROBLEMS

LAYER_ARGUMENTS = ("layers", "layer", "forward_layer", "backward_layer", "cell")
"""Arguments that hold layers."""


def prune_unknown_arguments(layers: Any, fields: Mapping[str, Sequence[str]]) -> Any:
    """Return the layers with at most as many unknown arguments as are reported; the same object if there are no more.
    `fields` are the arguments of each type.
    """
    number = count(1)
    pruned = _prune(layers, fields, number)
    return pruned if next(number) > MAX_PROBLEMS + 1 else layers


def _prune(value: Any, fields: Mapping[str, Sequence[str]], number: count[int]) -> Any:
    if isinstance(value, list):
        return [_prune(item, fields, number) for item in value]
    if not isinstance(value, dict):
        return value
    known = fields.get(word) if isinstance(word := value.get("type"), str) else None
    if known is None:
        return value
    return {
        key: _prune(item, fields, number) if key in LAYER_ARGUMENTS else item
        for key, item in value.items()
        if key in known or next(number) <= MAX_PROBLEMS
    }
