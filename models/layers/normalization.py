"""Normalization layers: at inference, by stored statistics or by those of the example itself."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from models.layers.axes import AlongAxes, InnerAxis, inner_axes
from models.layers.constraints import AnyConstraint
from models.layers.faults import LayerFault, fault
from models.layers.fields import Epsilon, NonNegative, Rate
from models.layers.initializers import AnyInitializer, Ones, Zeros
from models.layers.layer import Example, Layer, Windows
from models.layers.pointwise import pointwise
from models.layers.regularizers import AnyRegularizer
from models.layers.sizes import Shape, sizes_of
from models.layers.spatial import known_length
from models.limits import MAX_FEATURES


def _check_not_zero(groups: int) -> int:
    if groups == 0:
        raise fault("groups", "groups cannot be 0", "a positive number, or -1 for one group a channel")
    return groups


GroupCount = Annotated[int, Field(ge=-1, le=MAX_FEATURES), AfterValidator(_check_not_zero)]


class ScaledAndShifted(Layer):
    """Base of normalizations with a learned scale, gamma, and shift, beta."""

    epsilon: Epsilon = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: AnyInitializer = Zeros()
    gamma_initializer: AnyInitializer = Ones()
    beta_regularizer: AnyRegularizer | None = None
    gamma_regularizer: AnyRegularizer | None = None
    beta_constraint: AnyConstraint | None = None
    gamma_constraint: AnyConstraint | None = None


class BatchNormalization(ScaledAndShifted):
    """Normalizes each channel: by the batch in training, by stored mean and variance at inference."""

    type: Literal["BatchNormalization"] = "BatchNormalization"
    example = Example({}, ((4, 4, 3),))
    runs_directly = True
    passes = 1
    call_order = ("training", "mask")
    axis: InnerAxis = -1
    momentum: Rate = 0.99
    moving_mean_initializer: AnyInitializer = Zeros()
    moving_variance_initializer: AnyInitializer = Ones()
    renorm: bool = False
    renorm_clipping: dict[Literal["rmax", "rmin", "dmax"], NonNegative] | None = None
    renorm_momentum: Rate = 0.99
    synchronized: bool = False

    @model_validator(mode="after")
    def _clipping_in_order(self) -> Self:
        limits = self.renorm_clipping or {}
        if "rmin" in limits and "rmax" in limits and limits["rmin"] > limits["rmax"]:
            raise fault("renorm_clipping", "rmin is greater than rmax", "an rmin of at most rmax")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the axis exists, is not the batch, and has a known length."""
        known_length(shapes[0], *inner_axes("axis", self.axis, shapes[0]))

    def windows(self, shape: Shape) -> Windows:
        """Pointwise along any axis, because the statistics are stored."""
        return pointwise(shape)


class GroupNormalization(ScaledAndShifted):
    """Normalizes groups of channels of each example to mean 0 and variance 1, then scales and shifts."""

    type: Literal["GroupNormalization"] = "GroupNormalization"
    example = Example({"groups": 2}, ((4, 4, 6),))
    passes = 6
    groups: GroupCount = 32
    axis: InnerAxis = -1

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the groups divide the channels."""
        channels = known_length(shapes[0], *inner_axes("axis", self.axis, shapes[0]))
        if channels % self.groups:
            raise LayerFault(
                "groups",
                "the channels cannot be split into equal groups",
                f"a divisor of {channels}, or -1 for one group a channel",
                str(self.groups),
            )


class LayerNormalization(AlongAxes, ScaledAndShifted):
    """Normalizes each example along the axis to mean 0 and variance 1, then scales and shifts."""

    type: Literal["LayerNormalization"] = "LayerNormalization"
    example = Example({}, ((5, 4),))

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The deviation from the mean, and its scaled copy."""
        return 2 * sizes_of(outputs)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the axes exist, exclude the batch, and have known lengths."""
        for axis in inner_axes("axis", self.axis, shapes[0]):
            known_length(shapes[0], axis)


class RMSNormalization(AlongAxes):
    """Divides by the root mean square along the axis, then scales."""

    type: Literal["RMSNormalization"] = "RMSNormalization"
    example = Example({}, ((5, 4),))
    passes = 4
    epsilon: Epsilon = 1e-06

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Require the last axes: Keras multiplies by the scale along them whatever `axis` says (3.15)."""
        axes, rank = inner_axes("axis", self.axis, shapes[0]), len(shapes[0])
        if axes != tuple(range(rank - len(axes), rank)):
            raise LayerFault(
                "axis",
                "Keras scales other axes than the last ones wrongly",
                "the last axis, or several up to the last",
                str(self.axis),
                "write -1, or put a Permute before it",
            )
        for axis in axes:
            known_length(shapes[0], axis)


class UnitNormalization(AlongAxes):
    """Divides by the Euclidean norm along the axis."""

    type: Literal["UnitNormalization"] = "UnitNormalization"
    example = Example({}, ((5, 4),))
