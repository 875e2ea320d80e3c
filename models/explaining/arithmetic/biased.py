"""Sums to which a bias is added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.explaining.arithmetic.layer_call import LayerCall
from models.explaining.arithmetic.steps import Outside, Step, Terms


@dataclass(frozen=True)
class BiasedSum:
    """The formula of a sum, and the position in the layer's bias that belongs to the element."""

    call: LayerCall[Any]
    formula: str
    number: int

    def last(self, terms: Terms, outside: Outside | None = None) -> Step:
        """Return the step whose value is the element."""
        steps = [self._last(terms, outside, number) for number in self._numbers()]
        return min(steps, key=lambda step: step.ulps)

    def between(self, terms: Terms, last: Step, outside: Outside | None = None) -> Step:
        """Return a step that sums up to the same as the last one by other terms."""
        _, plus, bias = last.formula.rpartition(" + ")
        return Step(
            self.formula + plus + bias if last.bias is not None else self.formula, (terms,), last.bias, outside=outside
        )

    def _last(self, terms: Terms, outside: Outside | None, number: int | None) -> Step:
        if number is None:
            return self.call.last_step(self.formula, terms, outside=outside)
        bias = self.call.weight_at("bias", number)
        return self.call.last_step(f"{self.formula} + bias[{number}]", terms, bias=bias, outside=outside)

    def _numbers(self) -> list[int | None]:
        """Return the elements of the bias that may have been added: Keras 3.15 adds it along the last axis, even to
        channels_first, if that is known to be as long as the channels when the layer is traced.
        """
        if not self.call.layer.use_bias:
            return [None]
        last, length = self.call.index[-1], self.call.output.shape[-1]
        along_last = length == len(self.call.weights["bias"]) > 1
        return [self.number, last] if along_last and last != self.number else [self.number]
