"""Operations that move blocks of pixels into the channels, and back."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.layers.faults import LayerFault
from models.layers.fields import DataFormat
from models.layers.layer import Example
from models.layers.operations import Operation
from models.layers.sizes import Shape, sizes_of
from models.layers.spatial import shape_text
from models.limits import MAX_EXTENT


class BlocksOp(Operation):
    """Base of both directions."""

    keras_module = "keras.src.ops.nn"
    input_rank: ClassVar[int] = 4
    block_size: Annotated[int, Field(ge=2, le=MAX_EXTENT)]
    data_format: DataFormat = "channels_last"

    def channel_axis(self) -> int:
        """Return the position of the channels."""
        return 1 if self.data_format == "channels_first" else 3

    def spatial_axes(self) -> tuple[int, int]:
        """Return the positions of height and width."""
        return (2, 3) if self.data_format == "channels_first" else (1, 2)

    def check_divides(self, shape: Shape, axes: tuple[int, ...], number: int) -> None:
        """Refuse lengths of which the blocks leave a rest."""
        for axis in axes:
            length = shape[axis]
            if length is not None and length % number:
                expected = f"a multiple of {number} along axis {axis}"
                raise LayerFault("block_size", "the blocks do not fill the input", expected, shape_text(shape))

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The result; transposed copies for channels_first."""
        copies = sizes_of(shapes) + sizes_of(outputs) if self.data_format == "channels_first" else 0
        return sizes_of(outputs) + copies


class DepthToSpaceOp(BlocksOp):
    type: Literal["ops.depth_to_space"] = "ops.depth_to_space"
    operands: ClassVar[tuple[str, ...]] = ("x",)
    example = Example({"block_size": 2}, ((3, 4, 8),))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the channels are whole blocks."""
        self.check_divides(shapes[0], (self.channel_axis(),), self.block_size**2)

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        lengths = list(shapes[0])
        for axis in self.spatial_axes():
            lengths[axis] = _times(lengths[axis], self.block_size)
        channels = lengths[self.channel_axis()]
        lengths[self.channel_axis()] = None if channels is None else channels // self.block_size**2
        return ((announced[0][0], *lengths[1:]),)


class SpaceToDepthOp(BlocksOp):
    type: Literal["ops.space_to_depth"] = "ops.space_to_depth"
    operands: ClassVar[tuple[str, ...]] = ("x",)
    example = Example({"block_size": 2}, ((4, 6, 3),))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that height and width are whole blocks."""
        self.check_divides(shapes[0], self.spatial_axes(), self.block_size)

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        lengths = list(shapes[0])
        for axis in self.spatial_axes():
            length = lengths[axis]
            lengths[axis] = None if length is None else length // self.block_size
        lengths[self.channel_axis()] = _times(lengths[self.channel_axis()], self.block_size**2)
        return ((announced[0][0], *lengths[1:]),)


def _times(length: int | None, number: int) -> int | None:
    return None if length is None else length * number
