"""Rescaling and normalization of numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.layers.faults import LayerFault, fault
from models.layers.fields import Axis, NonNegative
from models.layers.layer import Example
from models.layers.pointwise import Pointwise
from models.layers.sizes import Shape
from models.layers.spatial import known_length
from models.limits import MAX_RANK

MAX_LISTED = 65_536
"""Maximum number of values in one argument."""

Numbers = float | Annotated[list[float], Field(min_length=1, max_length=MAX_LISTED)]
Variances = NonNegative | Annotated[list[NonNegative], Field(min_length=1, max_length=MAX_LISTED)]
NormalAxes = Axis | Annotated[list[Axis], Field(max_length=MAX_RANK)] | None


def check_broadcast(field: str, numbers: float | list[float], length: int | None) -> None:
    """Refuse a list that does not broadcast along an axis of this length."""
    if isinstance(numbers, list) and len(numbers) not in (1, length):
        raise LayerFault(
            field,
            f"{field} has another length than the axis it goes along",
            f"a number, or an array of {length}",
            f"an array of {len(numbers)}",
        )


class Rescaling(Pointwise):
    """inputs × scale + offset, one pair of numbers for all or one for each channel."""

    type: Literal["Rescaling"] = "Rescaling"
    runs_directly = True
    example = Example({"scale": 0.00392156862745098}, ((4, 4, 3),))
    scale: Numbers
    offset: Numbers = 0.0

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that lists have the length of the last axis."""
        check_broadcast("scale", self.scale, shapes[0][-1])
        check_broadcast("offset", self.offset, shapes[0][-1])


class Normalization(Pointwise):
    """(inputs - mean) / √variance along the kept axes."""

    type: Literal["Normalization"] = "Normalization"
    runs_directly = True
    example = Example({"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 9.0]}, ((4, 3),))
    axis: NormalAxes = -1
    mean: Numbers | None = None
    variance: Variances | None = None
    invert: bool = False

    @model_validator(mode="after")
    def _has_mean_and_variance(self) -> Normalization:
        """Check mean and variance; if omitted, they are weights, as Keras' adapt() learns: 0 and 1 until uploaded."""
        if (self.mean is None) != (self.variance is None):
            raise fault(
                "normalization",
                "mean and variance come together",
                "both, each a number or an array, or neither",
                "copy them from the adapted layer: layer.mean, layer.variance",
            )
        lengths = [len(value) if isinstance(value, list) else 0 for value in (self.mean, self.variance)]
        if lengths[0] != lengths[1] or (lengths[0] and not self._axes()):
            raise fault(
                "normalization", "mean, variance and axis do not correspond", "arrays of one length and an axis"
            )
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the kept axes exist, have known lengths and exclude the batch; lists apply to the last of them."""
        rank = len(shapes[0])
        axes = sorted(axis % rank for axis in self._axes() if -rank <= axis < rank)
        if len(set(axes)) != len(self._axes()) or 0 in axes:
            raise LayerFault(
                "axis", "there is no such axis to keep", f"different axes from 1 to {rank - 1}", str(self.axis)
            )
        lengths = [known_length(shapes[0], axis) for axis in axes]
        if lengths and self.mean is not None:
            check_broadcast("mean", self.mean, lengths[-1])

    def _axes(self) -> list[int]:
        if self.axis is None:
            return []
        return [self.axis] if isinstance(self.axis, int) else self.axis
