"""One call of one layer, with everything it read and returned, and the element of its output that is explained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np

from models.explaining.arithmetic.steps import Outside, Step, Terms
from models.layers.layer import Layer
from models.tensors.dtypes import FLOATS, Array

LayerT_co = TypeVar("LayerT_co", bound=Layer, covariant=True)


@dataclass(frozen=True)
class LayerCall(Generic[LayerT_co]):
    """Arrays have the batch first; `index` has one position for each axis of `output`, none of them negative."""

    layer: LayerT_co
    address: str
    reads: tuple[str, ...]
    inputs: tuple[Array, ...]
    output: Array
    index: tuple[int, ...]
    weights: Mapping[str, Array] = field(default_factory=dict)
    """By Keras' names: `kernel`, `bias`."""
    before: Array | None = None
    """What a fused activation was applied to; None without one."""
    mask: Array | None = None
    """The mask of the first input, if it has one."""

    @property
    def value(self) -> Any:
        """The element, of the dtype that Keras computed it in."""
        return self.output[self.index]

    def take(self, number: int, axes: Sequence[Array], *, cast: bool = True) -> Array:
        """Return the part of an input at the grid of these positions as float64. Keras casts it to the dtype of the
        layer first, except for layers that it lets cast themselves.
        """
        return self._as_computed(self.inputs[number][np.ix_(*axes)], cast)

    def weight(self, name: str, axes: Sequence[Array], *, cast: bool = True) -> Array:
        """Return the part of a weight at the grid of these positions as float64."""
        return self._as_computed(self.weights[name][np.ix_(*axes)], cast)

    def weight_at(self, name: str, *index: int, cast: bool = True) -> float:
        """Return one element of a weight."""
        return float(self.weight(name, at(*index), cast=cast).item())

    def _as_computed(self, part: Array, cast: bool) -> Array:
        floating = self.output.dtype in FLOATS
        return (part.astype(self.output.dtype) if cast and floating else part).astype(np.float64)

    def last_step(self, formula: str, *terms: Terms, bias: float | None = None, outside: Outside | None = None) -> Step:
        """Return the step whose value is the element."""
        return Step(formula, terms, bias, self.value, self.address, outside)

    def uncast(self, step: Step) -> Step:
        """Return the step of a layer that casts for itself: it computes in the dtype of its input, float32 at least."""
        read, given = self.inputs[0].dtype, self.output.dtype
        return replace(step, dtype=np.float32) if read == np.float32 and given == np.float64 else step

    def before_activation(self) -> LayerCall[LayerT_co]:
        """Return the call as if its output were what its activation is applied to."""
        assert self.before is not None  # noqa: S101 - callers ask layers with an activation
        return replace(self, address=f"{self.address}:pre", output=self.before)


def at(*index: int) -> tuple[Array, ...]:
    """Return the axes of a grid of one element."""
    return tuple(np.array([position]) for position in index)


def text(name: str, axes: Sequence[Array]) -> str:
    """Return NumPy's notation for a part of a tensor: `conv2d[0, 3:6, 0:8:2, 7]`."""
    return f"{name}[{', '.join(map(_axis_text, axes))}]"


def _axis_text(positions: Array) -> str:
    if not len(positions):
        return "none"
    first, last = int(positions[0]), int(positions[-1])
    if len(positions) == 1:
        return str(first)
    step = int(positions[1]) - first
    if step > 0 and np.array_equal(positions, np.arange(first, last + 1, step)):
        return f"{first}:{last + 1}" + (f":{step}" if step > 1 else "")
    return str(positions.tolist())


Rule = Callable[[LayerCall[Any]], Iterable[Step]]
"""Explains a call: the steps that lead to the element, its value last."""
RuleT = TypeVar("RuleT", bound=Callable[..., Iterable[Step]])


def explains(*types: type[Layer]) -> Callable[[RuleT], RuleT]:
    """Register a rule for layer types; the registry finds it in its file."""

    def register(rule: RuleT) -> RuleT:
        rule.explains = types  # type: ignore[attr-defined]
        return rule

    return register
