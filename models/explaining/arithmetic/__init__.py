"""How a number came about: the terms of the layer that computed it. One file has the rules of one family of layers."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from models.explaining.arithmetic.activation import fused
from models.explaining.arithmetic.layer_call import LayerCall, Rule
from models.explaining.arithmetic.steps import NoArithmetic, Step
from models.layers.layer import Layer


@cache
def rules() -> Mapping[type[Layer], Rule]:
    """Return the rules of this folder's files by the types of layers that they explain."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    found = [item for name in names for item in vars(import_module(f"{__name__}.{name}")).values()]
    return {cls: rule for rule in found for cls in getattr(rule, "explains", ())}


@dataclass(frozen=True)
class Arithmetic:
    """A value and the steps that lead to it; without any, `reason` says why there are none."""

    value: Any
    steps: tuple[Step, ...]
    reason: str | None = None


def explain(call: LayerCall[Any]) -> Arithmetic:
    """Return how the element of a call came about."""
    try:
        steps = tuple(_steps(call))
    except NoArithmetic as refusal:
        return Arithmetic(call.value, (), str(refusal))
    if all(step.adds_up() for step in steps):
        return Arithmetic(call.value, steps)
    reason = f"The terms of {call.layer.type_name()} do not add up to the value that was computed, so none are given."
    return Arithmetic(call.value, (), reason)


def _steps(call: LayerCall[Any]) -> Iterator[Step]:
    """Yield the steps of a layer, then those of its fused activation.

    Raises:
        NoArithmetic: there is no rule for its type.
    """
    rule = rules().get(type(call.layer))
    if rule is None:
        raise NoArithmetic(f"The arithmetic of {call.layer.type_name()} is not explained: `reads` is what it reads.")
    if not call.layer.has_activation():
        yield from rule(call)
        return
    yield from rule(call.before_activation())
    yield from fused(call)
