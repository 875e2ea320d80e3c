"""Arguments that no layer has, left out of a document when they are more than are told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from models.problems import MAX_PROBLEMS

INSIDE = ("layers", "layer", "forward_layer", "backward_layer", "cell")
"""Arguments that hold layers."""


def without_surplus(layers: Any, fields: Mapping[str, Sequence[str]]) -> Any:
    """The layers with no more unknown arguments than are told of; the same object where there are no more. `fields` are
    the arguments of each type.
    """
    number = count(1)
    left = _left(layers, fields, number)
    return left if next(number) > MAX_PROBLEMS + 1 else layers


def _left(value: Any, fields: Mapping[str, Sequence[str]], number: count[int]) -> Any:
    if isinstance(value, list):
        return [_left(item, fields, number) for item in value]
    if not isinstance(value, dict):
        return value
    known = fields.get(word) if isinstance(word := value.get("type"), str) else None
    if known is None:
        return value
    return {
        key: _left(item, fields, number) if key in INSIDE else item
        for key, item in value.items()
        if key in known or next(number) <= MAX_PROBLEMS
    }
