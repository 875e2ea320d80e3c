"""Augmentation of whole images and batches; the identity at inference."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.layers.fields import AnyCase, SeedNumber
from models.layers.image import Image
from models.layers.layer import Example, Layer, Windows
from models.layers.pointwise import pointwise
from models.layers.ranges import BYTES, Unsigned, ValueRange
from models.layers.sizes import Shape, sizes_of

SmallCount = Annotated[int, Field(ge=1, le=16)]
Alpha = Annotated[float, Field(gt=0, le=1000)]
Interpolation = Annotated[Literal["nearest", "bilinear"], AnyCase]


class TrainingOnlyImage(Layer):
    """Base of layers that change images in training mode only."""

    training_only: ClassVar[bool] = True

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Random numbers, masks and several versions of each image, or the source position of each pixel."""
        return 8 * sizes_of(outputs)

    def windows(self, shape: Shape) -> Windows:
        """Pointwise: the layer is the identity at inference."""
        return pointwise(shape)


class RandomImage(TrainingOnlyImage, Image):
    """Base of random image layers."""

    seed: SeedNumber | None = None


class AugMix(RandomImage):
    """Blends chains of random operations.

    Keras chooses them with Python's own random numbers as it traces the layer.
    """

    type: Literal["AugMix"] = "AugMix"
    example = Example({}, ((8, 8, 3),))
    reproducible = False
    value_range: ValueRange = BYTES
    num_chains: SmallCount = 3
    chain_depth: SmallCount = 3
    factor: Unsigned = 0.3
    alpha: Alpha = 1.0
    all_ops: bool = True
    interpolation: Interpolation = "bilinear"


class RandAugment(RandomImage):
    """Applies `num_ops` operations, drawn at random, to the images."""

    type: Literal["RandAugment"] = "RandAugment"
    example = Example({}, ((8, 8, 3),))
    value_range: ValueRange = BYTES
    num_ops: SmallCount = 2
    factor: Unsigned = 0.5
    interpolation: Interpolation = "bilinear"


class CutMix(RandomImage):
    """Pastes a rectangle of another image of the batch."""

    type: Literal["CutMix"] = "CutMix"
    example = Example({}, ((8, 8, 3),))
    factor: Unsigned = 1.0


class MixUp(RandomImage):
    """Blends each image with another of the batch."""

    type: Literal["MixUp"] = "MixUp"
    example = Example({}, ((8, 8, 3),))
    alpha: Alpha = 0.2


class RandomErasing(RandomImage):
    """Fills a random rectangle of each image with `fill_value`, or with noise."""

    type: Literal["RandomErasing"] = "RandomErasing"
    example = Example({}, ((8, 8, 3),))
    factor: Unsigned = 1.0
    scale: Unsigned = (0.02, 0.33)
    fill_value: float | None = None
    value_range: ValueRange = BYTES
