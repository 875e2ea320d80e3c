"""Layers that merge several tensors into one."""

from __future__ import annotations

from itertools import zip_longest
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.layers.axes import InnerAxis, axis_positions, inner_axes, pointwise_along_channels
from models.layers.faults import LayerFault
from models.layers.layer import Example, Layer, Windows
from models.layers.pointwise import Pointwise
from models.layers.sizes import Shape, size_of
from models.layers.spatial import shape_text, shapes_text


class Merging(Layer):
    """Base of layers that Keras calls on a list."""

    input_count: ClassVar[tuple[int, int | None]] = (2, None)
    inputs_as = "list"


class ElementwiseMerging(Pointwise, Merging):
    """Base of element-wise merging layers, which broadcast axes of length 1.

    The windows are those of inputs of equal shapes.
    """

    runs_directly = True

    example = Example({}, ((4, 3), (4, 3)))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the shapes broadcast: aligned at their ends, they agree wherever neither is 1."""
        for lengths in zip_longest(*(reversed(shape[1:]) for shape in shapes), fillvalue=1):
            if len({length for length in lengths if length not in {None, 1}}) > 1:
                raise LayerFault(
                    "inputs",
                    "the inputs do not have the same shape",
                    f"shapes like the first, {shape_text(shapes[0])}; axes of length 1 are repeated",
                    shapes_text(shapes),
                    "give the layers before it the same shape, or use Concatenate",
                )


class Add(ElementwiseMerging):
    """The sum of the inputs, element by element."""

    type: Literal["Add"] = "Add"


class Average(ElementwiseMerging):
    """The mean of the inputs, element by element."""

    type: Literal["Average"] = "Average"


class Maximum(ElementwiseMerging):
    """The largest of the inputs, element by element."""

    type: Literal["Maximum"] = "Maximum"


class Minimum(ElementwiseMerging):
    """The smallest of the inputs, element by element."""

    type: Literal["Minimum"] = "Minimum"


class Multiply(ElementwiseMerging):
    """The product of the inputs, element by element."""

    type: Literal["Multiply"] = "Multiply"
    broadcasts_directly = True


class Subtract(ElementwiseMerging):
    """The first input minus the second, element by element."""

    type: Literal["Subtract"] = "Subtract"
    input_count = (2, 2)


class Concatenate(Merging):
    """Joins the inputs along one axis."""

    type: Literal["Concatenate"] = "Concatenate"
    runs_directly = True
    broadcasts_directly = True
    example = Example({}, ((4, 3), (4, 2)))
    axis: InnerAxis = -1

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that all axes except the concatenated one agree."""
        inner_axes("axis", self.axis, shapes[0])
        check_concatenation(self.axis, shapes)

    def windows(self, shape: Shape) -> Windows:
        return pointwise_along_channels(self.axis, shape)


def check_concatenation(axis: int, shapes: tuple[Shape, ...]) -> None:
    """Check that all axes except the concatenated one agree."""
    (place,) = axis_positions("axis", axis, shapes[0])
    others = [(*shape[:place], *shape[place + 1 :]) for shape in shapes]
    same_rank = len({len(shape) for shape in shapes}) == 1
    if not same_rank or any(len(set(lengths) - {None}) > 1 for lengths in zip(*others, strict=True)):
        raise LayerFault(
            "inputs",
            f"the inputs differ along another axis than {place}",
            f"shapes like the first, {shape_text(shapes[0])}, except along axis {place}",
            shapes_text(shapes),
            "make the other axes the same by padding, cropping or pooling, or choose another axis",
        )


class Dot(Merging):
    """Multiplies two inputs and sums over an axis of each; with `normalize`, their cosine similarity."""

    type: Literal["Dot"] = "Dot"
    example = Example({"axes": [2, 1]}, ((3, 4), (4, 5)))
    input_count = (2, 2)
    axes: InnerAxis | Annotated[list[InnerAxis], Field(min_length=2, max_length=2)]
    normalize: bool = False

    def summed_axes(self, shapes: tuple[Shape, ...]) -> tuple[int, int]:
        """Return the axis of each input that is summed over."""
        first, second = [self.axes] * 2 if isinstance(self.axes, int) else self.axes
        return inner_axes("axes", first, shapes[0])[0], inner_axes("axes", second, shapes[1])[0]

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the summed axes have the same length."""
        lengths = [shape[axis] for shape, axis in zip(shapes, self.summed_axes(shapes), strict=True)]
        if lengths[0] != lengths[1]:
            raise LayerFault(
                "axes",
                "the axes that are summed over have different lengths",
                "two axes of one length",
                f"lengths {lengths[0]} and {lengths[1]} of {shapes_text(shapes)}",
            )

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × the length that is summed over."""
        elements, length = size_of(outputs[0]), shapes[0][self.summed_axes(shapes)[0]]
        return None if elements is None or length is None else elements * length
