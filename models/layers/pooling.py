"""Pooling: the maximum or the mean of each window."""

from math import prod
from typing import Literal

from models.layers.faults import LayerFault
from models.layers.fields import Padding, Sizes1D, Sizes2D, Sizes3D
from models.layers.layer import Example, Windows
from models.layers.receptive_field import Window, padding_before
from models.layers.sizes import Shape, least_size, sizes_of
from models.layers.spatial import Spatial
from models.layers.work import Work

PADDED_POOL = 8
"""Size up to which padded pools may exceed the input: InceptionV3 ends in pools of 3 on maps of 1."""

POOLED_CHANNELS = 8
"""Channels that a processor pools at once."""


class Pooling(Spatial):
    """Base of pooling over windows."""

    runs_directly = True
    passes = 0

    pool_size: tuple[int, ...]
    strides: tuple[int, ...] | None = None
    padding: Padding = "valid"

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """TensorFlow segfaults on pools far larger than the input, padded or not; small padded ones are common."""
        lengths = self.spatial_shape(shapes[0])
        least = PADDED_POOL if self.padding == "same" else 1
        pairs = zip(self.pool_size, lengths, strict=True)
        if any(length is not None and pool > max(length, least) for pool, length in pairs):
            raise LayerFault(
                "pool_size",
                "the pool is larger than the input",
                f"a pool of at most {list(lengths)} along the spatial axes",
                str(list(self.pool_size)),
                "use a smaller pool_size, a larger input, or a global pooling layer",
            )

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """A copy of the input in the kernel's memory layout; transposed copies for channels_first."""
        return sizes_of(shapes) + (sizes_of(shapes) + sizes_of(outputs) if self.channels_first() else 0)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Every window is read completely, however much it overlaps the previous one."""
        channels = outputs[0][self.channel_axis()] or 1
        pooled = least_size(outputs[0]) // channels * prod(self.pool_size) * -(-channels // POOLED_CHANNELS)
        rest = super().work(shapes, outputs)
        return rest + (Work(pooled_volume=pooled) if self.spatial_rank == 3 else Work(pooled=pooled))

    def costly(self) -> str | None:
        return "pool_size"

    def windows(self, shape: Shape) -> Windows:
        parts = zip(self.pool_size, self.strides or self.pool_size, self.spatial_shape(shape), strict=True)
        return tuple(Window(k, s, 1, padding_before(self.padding, length, Window(k, s))) for k, s, length in parts)


class MaxPooling1D(Pooling):
    """The largest value in each window of a sequence."""

    type: Literal["MaxPooling1D", "MaxPool1D"] = "MaxPooling1D"
    example = Example({}, ((6, 3),))
    input_rank = 3
    spatial_rank = 1
    pool_size: Sizes1D = (2,)
    strides: Sizes1D | None = None


class MaxPooling2D(Pooling):
    """The largest value in each window of an image."""

    type: Literal["MaxPooling2D", "MaxPool2D"] = "MaxPooling2D"
    example = Example({}, ((6, 6, 3),))
    input_rank = 4
    spatial_rank = 2
    pool_size: Sizes2D = (2, 2)
    strides: Sizes2D | None = None


class MaxPooling3D(Pooling):
    """The largest value in each window of a volume."""

    type: Literal["MaxPooling3D", "MaxPool3D"] = "MaxPooling3D"
    example = Example({}, ((4, 4, 4, 2),))
    input_rank = 5
    spatial_rank = 3
    pool_size: Sizes3D = (2, 2, 2)
    strides: Sizes3D | None = None


class AveragePooling1D(Pooling):
    """The mean in each window of a sequence."""

    type: Literal["AveragePooling1D", "AvgPool1D"] = "AveragePooling1D"
    example = Example({"pool_size": 2}, ((6, 3),))
    input_rank = 3
    spatial_rank = 1
    pool_size: Sizes1D
    strides: Sizes1D | None = None


class AveragePooling2D(Pooling):
    """The mean in each window of an image."""

    type: Literal["AveragePooling2D", "AvgPool2D"] = "AveragePooling2D"
    example = Example({"pool_size": 2}, ((6, 6, 3),))
    input_rank = 4
    spatial_rank = 2
    pool_size: Sizes2D
    strides: Sizes2D | None = None


class AveragePooling3D(Pooling):
    """The mean in each window of a volume."""

    type: Literal["AveragePooling3D", "AvgPool3D"] = "AveragePooling3D"
    example = Example({"pool_size": 2}, ((4, 4, 4, 2),))
    input_rank = 5
    spatial_rank = 3
    pool_size: Sizes3D
    strides: Sizes3D | None = None
