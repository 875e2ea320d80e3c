"""Operations on one tensor or two, element by element; a number or an array may take the place of a tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from models.explaining.arithmetic.activation import apply
from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.steps import Step, Terms, weighted
from models.layers.constants import ConstantArray
from models.layers.operations_binary import (
    AddOp,
    DivideOp,
    MaximumOp,
    MinimumOp,
    MultiOperandOperation,
    MultiplyOp,
    SubtractOp,
)
from models.layers.operations_elementwise import (
    Elementwise,
    HardSigmoidOp,
    HardSiluOp,
    HardTanhOp,
    LogSigmoidOp,
    Relu6Op,
    ReluOp,
    SeluOp,
    SigmoidOp,
    SiluOp,
    SoftplusOp,
    SoftsignOp,
    TanhOp,
)
from models.tensors.dtypes import Array


class Operand(NamedTuple):
    """One element of an operand: its tensor or argument, place and value."""

    name: str
    axes: tuple[Array, ...]
    value: float

    @property
    def text(self) -> str:
        """Its notation: a constant is a number."""
        return text(self.name, self.axes) if self.axes else f"{self.value:.9g}"

    def times(self, weight: float) -> Terms:
        """Return it as a term."""
        return weighted(self.name, self.axes, np.full((1,) * len(self.axes), self.value), weight)


@explains(AddOp)
def add(call: LayerCall[MultiOperandOperation]) -> Iterator[Step]:
    """The sum."""
    first, second = _operands(call)
    yield call.last_step(f"{first.text} + {second.text}", first.times(1.0), second.times(1.0))


@explains(SubtractOp)
def subtract(call: LayerCall[MultiOperandOperation]) -> Iterator[Step]:
    """The difference."""
    first, second = _operands(call)
    yield call.last_step(f"{first.text} - {second.text}", first.times(1.0), second.times(-1.0))


@explains(MultiplyOp)
def multiply(call: LayerCall[MultiOperandOperation]) -> Iterator[Step]:
    """The product."""
    first, second = _operands(call)
    yield call.last_step(f"{first.text} * {second.text}", first.times(second.value))


@explains(DivideOp)
def divide(call: LayerCall[MultiOperandOperation]) -> Iterator[Step]:
    """The quotient."""
    first, second = _operands(call)
    with np.errstate(divide="ignore"):
        yield call.last_step(f"{first.text} / {second.text}", first.times(float(np.float64(1) / second.value)))


@explains(MaximumOp, MinimumOp)
def extreme(call: LayerCall[MultiOperandOperation]) -> Iterator[Step]:
    """The larger or the smaller one; it has weight 1, the other 0."""
    first, second = _operands(call)
    is_largest = isinstance(call.layer, MaximumOp)
    is_first = first.value >= second.value if is_largest else first.value <= second.value
    formula = f"{'max' if is_largest else 'min'}({first.text}, {second.text})"
    yield call.last_step(formula, first.times(float(is_first)), second.times(float(not is_first)))


@explains(
    HardSigmoidOp, HardSiluOp, HardTanhOp, LogSigmoidOp, Relu6Op, ReluOp, SeluOp, SigmoidOp, SiluOp, SoftplusOp,
    SoftsignOp, TanhOp,
)  # fmt: skip
def function(call: LayerCall[Elementwise]) -> Iterator[Step]:
    """The activation function of the same name."""
    yield from apply(call, call.layer.function())


def _operands(call: LayerCall[MultiOperandOperation]) -> list[Operand]:
    """Return the element of each operand that goes into the element: axes are aligned at the ends."""
    tensors, found = iter(range(len(call.inputs))), []
    for name in call.layer.used_operands():
        constant = call.layer.constant(name)
        if constant is None:
            number = next(tensors)
            axes = _place(call, call.inputs[number].shape)
            found.append(Operand(call.reads[number], axes, call.take(number, axes).item()))
        else:
            found.append(_constant(call, name, constant))
    return found


def _constant(call: LayerCall[Any], name: str, constant: Any) -> Operand:
    """Return the element of a constant, in the dtype of the result as the tensors are."""
    array = np.asarray(constant.value if isinstance(constant, ConstantArray) else constant, np.float64)
    axes = _place(call, array.shape)
    floating = call.output.dtype.kind in "fV"
    value = array[np.ix_(*axes)].astype(call.output.dtype if floating else np.float64).astype(np.float64)
    return Operand(name, axes, value.item())


def _place(call: LayerCall[Any], shape: tuple[int, ...]) -> tuple[Array, ...]:
    own = call.index[len(call.index) - len(shape) :]
    return at(*(0 if length == 1 else place for length, place in zip(shape, own, strict=True)))
