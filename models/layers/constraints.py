"""Closed list of weight constraints, on norms and signs of kernels, by Keras' names."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from models.layers.named import Named, closed_union

WeightAxes = Annotated[int, Field(ge=-8, le=7)]


class Constraint(Named):
    """Base of the constraints."""


class MaxNorm(Constraint):
    """Scales weights down wherever their norm along the axis exceeds `max_value`."""

    type: Literal["MaxNorm"] = "MaxNorm"
    max_value: Annotated[float, Field(ge=0)] = 2.0
    axis: WeightAxes | list[WeightAxes] = 0


class MinMaxNorm(Constraint):
    """Scales weights until their norm along the axis lies between `min_value` and `max_value`."""

    type: Literal["MinMaxNorm"] = "MinMaxNorm"
    min_value: Annotated[float, Field(ge=0)] = 0.0
    max_value: Annotated[float, Field(ge=0)] = 1.0
    rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    axis: WeightAxes | list[WeightAxes] = 0


class NonNeg(Constraint):
    """Sets negative weights to 0."""

    type: Literal["NonNeg"] = "NonNeg"


class UnitNorm(Constraint):
    """Scales weights to a norm of 1 along the axis."""

    type: Literal["UnitNorm"] = "UnitNorm"
    axis: WeightAxes | list[WeightAxes] = 0


ALIASES = {"nonneg": "NonNeg"}
CONSTRAINTS: tuple[type[Constraint], ...] = (MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
AnyConstraint = TypeAliasType("AnyConstraint", Annotated[Constraint, closed_union("constraint", CONSTRAINTS, ALIASES)])
