"""Activation layers."""

from typing import Annotated, Literal

from pydantic import Field

from models.layers.activation_names import ActivationName
from models.layers.axes import AlongAxes, inner_axes
from models.layers.constraints import AnyConstraint
from models.layers.fields import NonNegative, OneOrSeveral
from models.layers.initializers import AnyInitializer, Zeros
from models.layers.layer import Example
from models.layers.pointwise import Pointwise
from models.layers.regularizers import AnyRegularizer
from models.layers.sizes import Shape
from models.layers.spatial import known_length
from models.limits import MAX_RANK

SharedAxis = Annotated[int, Field(ge=1, le=MAX_RANK - 1)]
"""An axis counted from the front: Keras resolves negative ones to other axes."""


class Activation(Pointwise):
    """Applies an activation function to every value."""

    type: Literal["Activation"] = "Activation"
    example = Example({"activation": "relu"}, ((4,),))
    runs_directly = True
    activation: ActivationName


class ReLU(Pointwise):
    """Sets negative values to 0, or lets `negative_slope`, `threshold` and `max_value` shape the bend."""

    type: Literal["ReLU"] = "ReLU"
    runs_directly = True
    keras_modules = ("keras.layers", "keras.src.activations.")
    example = Example({}, ((4,),))
    max_value: NonNegative | None = None
    negative_slope: NonNegative = 0.0
    threshold: NonNegative = 0.0


class LeakyReLU(Pointwise):
    """Multiplies negative values by `negative_slope` and keeps the others."""

    type: Literal["LeakyReLU"] = "LeakyReLU"
    example = Example({}, ((4,),))
    runs_directly = True
    negative_slope: NonNegative = 0.3


class ELU(Pointwise):
    """Turns negative values into `alpha` * (exp(x) - 1) and keeps the others."""

    type: Literal["ELU"] = "ELU"
    example = Example({}, ((4,),))
    runs_directly = True
    alpha: float = 1.0


class PReLU(Pointwise):
    """Multiplies negative values by learned slopes and keeps the others."""

    type: Literal["PReLU"] = "PReLU"
    example = Example({"shared_axes": [1, 2]}, ((4, 4, 3),))
    runs_directly = True
    alpha_initializer: AnyInitializer = Zeros()
    alpha_regularizer: AnyRegularizer | None = None
    alpha_constraint: AnyConstraint | None = None
    shared_axes: Annotated[
        SharedAxis | Annotated[list[SharedAxis], Field(min_length=1, max_length=MAX_RANK - 1)] | None, OneOrSeveral
    ] = None

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that every axis with its own slopes has a known length."""
        shared = () if self.shared_axes is None else inner_axes("shared_axes", self.shared_axes, shapes[0])
        for axis in range(1, len(shapes[0])):
            if axis not in shared:
                known_length(shapes[0], axis)


class Softmax(AlongAxes):
    """Turns the values along the axis into positive ones that sum to 1."""

    type: Literal["Softmax"] = "Softmax"
    runs_directly = True
    call_order = ("mask",)
    example = Example({}, ((4,),))
