"""Augmentation that moves pixels; the identity at inference."""

from typing import Annotated, Literal

from models.layers.augmentation import Interpolation, RandomImage
from models.layers.fields import AnyCase, Rate
from models.layers.image import Pixels
from models.layers.layer import Example
from models.layers.ranges import BYTES, Signed, Unsigned, ValueRange, Zoom

FillMode = Annotated[Literal["reflect", "wrap", "constant", "nearest"], AnyCase]


class RandomCrop(RandomImage):
    """Cuts a random window of `height` × `width` pixels in training, which is refused; else the image."""

    type: Literal["RandomCrop"] = "RandomCrop"
    example = Example({"height": 4, "width": 4}, ((8, 8, 3),))
    same_shape_in_training = False
    height: Pixels
    width: Pixels


class RandomFlip(RandomImage):
    """Mirrors random images left to right, top to bottom, or both."""

    type: Literal["RandomFlip"] = "RandomFlip"
    example = Example({}, ((8, 8, 3),))
    mode: Annotated[Literal["horizontal", "vertical", "horizontal_and_vertical"], AnyCase] = "horizontal_and_vertical"


class ResampledImage(RandomImage):
    """Base of layers that sample images between pixels and beyond their edges."""

    fill_mode: FillMode = "reflect"
    fill_value: float = 0.0
    interpolation: Interpolation = "bilinear"


class RandomElasticTransform(RandomImage):
    """Distorts random images by smooth random displacements of their pixels."""

    type: Literal["RandomElasticTransform"] = "RandomElasticTransform"
    example = Example({}, ((8, 8, 3),))
    factor: Unsigned = 1.0
    scale: Unsigned = 1.0
    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "reflect"
    fill_value: float = 0.0
    value_range: ValueRange = BYTES


class RandomPerspective(RandomImage):
    """Tilts random images in perspective by moving their corners."""

    type: Literal["RandomPerspective"] = "RandomPerspective"
    example = Example({}, ((8, 8, 3),))
    factor: Unsigned = 1.0
    scale: Rate = 1.0
    interpolation: Interpolation = "bilinear"
    fill_value: float = 0.0


class RandomRotation(ResampledImage):
    """Turns images by up to `factor` of a full circle."""

    type: Literal["RandomRotation"] = "RandomRotation"
    example = Example({"factor": 0.1}, ((8, 8, 3),))
    factor: Signed


class RandomShear(ResampledImage):
    """Slants images along x and y by random amounts."""

    type: Literal["RandomShear"] = "RandomShear"
    example = Example({"x_factor": 0.2}, ((8, 8, 3),))
    x_factor: Unsigned = 0.0
    y_factor: Unsigned = 0.0


class RandomTranslation(ResampledImage):
    """Shifts images by up to these fractions of their height and width."""

    type: Literal["RandomTranslation"] = "RandomTranslation"
    example = Example({"height_factor": 0.2, "width_factor": 0.2}, ((8, 8, 3),))
    height_factor: Signed
    width_factor: Signed


class RandomZoom(ResampledImage):
    """Zooms by up to these fractions; without a width_factor, both axes alike."""

    type: Literal["RandomZoom"] = "RandomZoom"
    example = Example({"height_factor": 0.2}, ((8, 8, 3),))
    height_factor: Zoom
    width_factor: Zoom | None = None
