"""Rules: which part of its inputs a layer computes a part of its output from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from models.explaining.reads.part import Part
from models.layers.layer import Layer

L = TypeVar("L", bound=Layer)
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Reading(Generic[L]):
    """A part of the output of a layer, and the shapes of its inputs and its output; the batch is first."""

    layer: L
    part: Part
    shapes: tuple[Shape, ...]
    output: Shape


Rule = Callable[[Reading[L]], Sequence[Part]]
"""Returns the part of each input."""


def reads_of(*types: type[L]) -> Callable[[Rule[L]], Rule[L]]:
    """Register a rule for layer types and those derived from them; the registry finds it in its file."""

    def register(rule: Rule[L]) -> Rule[L]:
        rule.reads_of = types + getattr(rule, "reads_of", ())  # type: ignore[attr-defined]
        return rule

    return register
