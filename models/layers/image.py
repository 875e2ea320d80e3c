"""Image layers that behave the same in training and at inference."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from models.layers.faults import LayerFault, fault
from models.layers.fields import AnyCase, LaterDataFormat, NonNegative, Sizes
from models.layers.layer import Example, Windows
from models.layers.ranges import BYTES, ValueRange
from models.layers.receptive_field import Window
from models.layers.sizes import Shape, least_size, sizes_of
from models.layers.spatial import Spatial, shape_text

Pixels = Annotated[int, Field(ge=1, le=16_384)]
"""A height or a width."""
BINS = 256
"""Number of bins of a histogram."""
MAX_HISTOGRAM = 2**20
"""Maximum size of an image whose histograms are computed: each number takes 1 KiB of temporary memory."""


class Image(Spatial):
    """Base of layers over batches of images."""

    input_rank = 4
    spatial_rank: ClassVar[int] = 2

    def output_image(self, shape: Shape) -> Shape:
        """Return the shape of the result for images of this shape."""
        return shape


class FixedSizeImage(Image):
    """Base of layers with a fixed output height and width."""

    height: Pixels
    width: Pixels

    def output_image(self, shape: Shape) -> Shape:
        sizes = dict(zip(self.spatial_axes(), (self.height, self.width), strict=True))
        return tuple(sizes.get(axis, length) for axis, length in enumerate(shape))

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The images as float32, cropped or padded, and scaled along one axis."""
        return 2 * sizes_of(outputs) + sizes_of(shapes)


class Resizing(FixedSizeImage):
    """Scales images to `height` × `width` pixels."""

    type: Literal["Resizing"] = "Resizing"
    example = Example({"height": 4, "width": 6}, ((8, 8, 3),))
    interpolation: Annotated[Literal["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"], AnyCase] = (
        "bilinear"
    )
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: Annotated[Literal["constant"], AnyCase] = "constant"
    fill_value: float = 0.0
    antialias: bool = False

    @model_validator(mode="after")
    def _crop_or_pad(self) -> "Resizing":
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise fault("aspect_ratio", "an image is either cropped or padded to an aspect ratio", "one of the two")
        return self


class CenterCrop(FixedSizeImage):
    """Cuts `height` × `width` pixels out of the middle of images."""

    type: Literal["CenterCrop"] = "CenterCrop"
    example = Example({"height": 4, "width": 4}, ((8, 8, 3),))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Refuse a crop larger than the image: Keras resizes if it knows the size in time, and is wrong otherwise."""
        lengths = self.spatial_shape(shapes[0])
        for field, length, size in zip(("height", "width"), lengths, (self.height, self.width), strict=True):
            if length is not None and length < size:
                raise LayerFault(
                    field, "the crop is larger than the image", f"at most {length}", str(size), "use Resizing"
                )

    def windows(self, shape: Shape) -> Windows:
        """One pixel, offset by the margin that is cut off."""
        sizes = zip(self.spatial_shape(shape), (self.height, self.width), strict=True)
        margins = [None if length is None else (length - size) // 2 for length, size in sizes]
        return tuple(Window(before=None if margin is None else -margin) for margin in margins)


class AutoContrast(Image):
    """Stretches the values of each channel over the whole range."""

    type: Literal["AutoContrast"] = "AutoContrast"
    example = Example({}, ((8, 8, 3),))
    passes = 12
    later = frozenset({"data_format"})
    value_range: ValueRange = BYTES
    data_format: LaterDataFormat = None


class ContrastLimitedAdaptiveHistogramEqualization(Image):
    """Equalizes the histogram of each tile of an image, up to a limit of contrast, and blends the tiles."""

    type: Literal["ContrastLimitedAdaptiveHistogramEqualization"] = "ContrastLimitedAdaptiveHistogramEqualization"
    example = Example({"tile_grid_size": 2}, ((8, 8, 3),))
    passes = 8
    value_range: ValueRange = BYTES
    clip_limit: NonNegative = 4.0
    tile_grid_size: Annotated[tuple[int, ...], Sizes(2, high=64)] = (8, 8)

    def needs_lengths(self) -> bool:
        return True

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Each number is compared with its 256 possible values."""
        return BINS * sizes_of(shapes)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Limit the size: histograms take 256 numbers for every number of the image."""
        if least_size(shapes[0]) > MAX_HISTOGRAM:
            raise LayerFault(
                "inputs",
                "the images are too large for histograms of their tiles",
                f"at most {MAX_HISTOGRAM} numbers in one batch",
                f"the shape {shape_text(shapes[0])}",
                "resize the images first, or post fewer at once",
            )
        self._check_tiles(shapes[0])

    def _check_tiles(self, shape: Shape) -> None:
        lengths = self.spatial_shape(shape)
        if any(
            length is not None and length < tiles for length, tiles in zip(lengths, self.tile_grid_size, strict=True)
        ):
            raise LayerFault(
                "tile_grid_size",
                "there are more tiles than pixels",
                f"at most {list(lengths)}",
                str(list(self.tile_grid_size)),
            )
