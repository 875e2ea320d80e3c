"""Global pooling to one value per channel, and adaptive pooling to a given size."""

from typing import Literal

from models.layers.faults import LayerFault
from models.layers.fields import Sizes1D, Sizes2D, Sizes3D
from models.layers.layer import Example
from models.layers.pooling import POOLED_CHANNELS
from models.layers.sizes import Shape, least_size, sizes_of
from models.layers.spatial import Spatial
from models.layers.work import Work


class GlobalPooling(Spatial):
    """Base of pooling over all positions."""

    runs_directly = True

    keepdims: bool = False

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """A masked mean multiplies its whole input by the mask."""
        return sizes_of(shapes[:1]) if len(shapes) > 1 or self.keywords else 0


class GlobalMaxPooling1D(GlobalPooling):
    """The largest value of each channel over all steps of a sequence."""

    type: Literal["GlobalMaxPooling1D", "GlobalMaxPool1D"] = "GlobalMaxPooling1D"
    example = Example({}, ((6, 3),))
    input_rank = 3
    spatial_rank = 1


class GlobalMaxPooling2D(GlobalPooling):
    """The largest value of each channel over all of height and width."""

    type: Literal["GlobalMaxPooling2D", "GlobalMaxPool2D"] = "GlobalMaxPooling2D"
    example = Example({}, ((6, 6, 3),))
    input_rank = 4
    spatial_rank = 2


class GlobalMaxPooling3D(GlobalPooling):
    """The largest value of each channel over all of a volume."""

    type: Literal["GlobalMaxPooling3D", "GlobalMaxPool3D"] = "GlobalMaxPooling3D"
    example = Example({}, ((4, 4, 4, 2),))
    input_rank = 5
    spatial_rank = 3


class GlobalAveragePooling1D(GlobalPooling):
    """The mean of each channel over all steps of a sequence."""

    type: Literal["GlobalAveragePooling1D", "GlobalAvgPool1D"] = "GlobalAveragePooling1D"
    example = Example({}, ((6, 3),))
    call_order = ("mask",)
    input_rank = 3
    spatial_rank = 1


class GlobalAveragePooling2D(GlobalPooling):
    """The mean of each channel over all of height and width."""

    type: Literal["GlobalAveragePooling2D", "GlobalAvgPool2D"] = "GlobalAveragePooling2D"
    example = Example({}, ((6, 6, 3),))
    input_rank = 4
    spatial_rank = 2


class GlobalAveragePooling3D(GlobalPooling):
    """The mean of each channel over all of a volume."""

    type: Literal["GlobalAveragePooling3D", "GlobalAvgPool3D"] = "GlobalAveragePooling3D"
    example = Example({}, ((4, 4, 4, 2),))
    input_rank = 5
    spatial_rank = 3


class AdaptivePooling(Spatial):
    """Base of pooling to `output_size` positions, over windows as equal as possible."""

    output_size: tuple[int, ...]

    def needs_lengths(self) -> bool:
        return True

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Keras pools the first axis at every position with two window sizes, and joins both results."""
        transposed = sizes_of(shapes) if self.channels_first() else 0
        return 4 * sizes_of(shapes) + transposed

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """One axis after the other, each with two windows at every position."""
        channels = shapes[0][self.channel_axis()] or 1
        pooled, remaining = 0, least_size(shapes[0]) // channels * -(-channels // POOLED_CHANNELS)
        for length, size in zip(self.spatial_shape(shapes[0]), self.output_size, strict=True):
            pooled += remaining * (2 * -(-(length or 1) // size) + 1)
            remaining = remaining // (length or 1) * size
        pooling = Work(pooled_volume=pooled) if self.spatial_rank == 3 else Work(pooled=pooled)
        return super().work(shapes, outputs) + pooling + Work(launches=6 * len(self.output_size))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that windows of one more element fit: Keras also pools with those (keras 3.15)."""
        lengths = self.spatial_shape(shapes[0])
        pairs = zip(self.output_size, lengths, strict=True)
        if any(length is not None and -(-length // size) + 1 > length for size, length in pairs):
            raise LayerFault(
                "output_size",
                "Keras cannot pool an axis down to one position, nor an axis of length 1",
                "an output_size of at least 2 along axes of length 2 or more",
                f"{list(self.output_size)} for lengths {list(lengths)}",
                "use a global pooling layer with keepdims true",
            )


class AdaptiveMaxPooling1D(AdaptivePooling):
    """The largest value in each of `output_size` nearly equal parts of a sequence."""

    type: Literal["AdaptiveMaxPooling1D"] = "AdaptiveMaxPooling1D"
    example = Example({"output_size": 3}, ((7, 3),))
    input_rank = 3
    spatial_rank = 1
    output_size: Sizes1D


class AdaptiveMaxPooling2D(AdaptivePooling):
    """The largest value in each of `output_size` nearly equal parts of an image."""

    type: Literal["AdaptiveMaxPooling2D"] = "AdaptiveMaxPooling2D"
    example = Example({"output_size": 3}, ((7, 6, 3),))
    input_rank = 4
    spatial_rank = 2
    output_size: Sizes2D


class AdaptiveMaxPooling3D(AdaptivePooling):
    """The largest value in each of `output_size` nearly equal parts of a volume."""

    type: Literal["AdaptiveMaxPooling3D"] = "AdaptiveMaxPooling3D"
    example = Example({"output_size": 2}, ((4, 5, 6, 2),))
    input_rank = 5
    spatial_rank = 3
    output_size: Sizes3D


class AdaptiveAveragePooling1D(AdaptivePooling):
    """The mean in each of `output_size` nearly equal parts of a sequence."""

    type: Literal["AdaptiveAveragePooling1D"] = "AdaptiveAveragePooling1D"
    example = Example({"output_size": 3}, ((7, 3),))
    input_rank = 3
    spatial_rank = 1
    output_size: Sizes1D


class AdaptiveAveragePooling2D(AdaptivePooling):
    """The mean in each of `output_size` nearly equal parts of an image."""

    type: Literal["AdaptiveAveragePooling2D"] = "AdaptiveAveragePooling2D"
    example = Example({"output_size": 3}, ((7, 6, 3),))
    input_rank = 4
    spatial_rank = 2
    output_size: Sizes2D


class AdaptiveAveragePooling3D(AdaptivePooling):
    """The mean in each of `output_size` nearly equal parts of a volume."""

    type: Literal["AdaptiveAveragePooling3D"] = "AdaptiveAveragePooling3D"
    example = Example({"output_size": 2}, ((4, 5, 6, 2),))
    input_rank = 5
    spatial_rank = 3
    output_size: Sizes3D
