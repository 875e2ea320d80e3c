"""Rules: which part of its inputs a layer computes a part of its output from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from models.explaining.reads.part import Part
from models.layers.layer import Layer

LayerT_co = TypeVar("LayerT_co", bound=Layer, covariant=True)
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Reading(Generic[LayerT_co]):
    """A part of the output of a layer, and the shapes of its inputs and its output; the batch is first."""

    layer: LayerT_co
    part: Part
    shapes: tuple[Shape, ...]
    output: Shape


Rule = Callable[[Reading[Any]], Sequence[Part]]
"""Returns the part of each input."""
RuleT = TypeVar("RuleT", bound=Callable[..., Sequence[Part]])


def reads_of(*types: type[Layer]) -> Callable[[RuleT], RuleT]:
    """Register a rule for layer types and those derived from them; the registry finds it in its file."""

    def register(rule: RuleT) -> RuleT:
        rule.reads_of = types  # type: ignore[attr-defined]
        return rule

    return register
