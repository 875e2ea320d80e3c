"""Augmentation of colours; the identity at inference."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from models.layers.augmentation import RandomImage, TrainingOnlyImage
from models.layers.faults import fault
from models.layers.fields import LaterDataFormat, Rate
from models.layers.image import Image
from models.layers.layer import Example
from models.layers.ranges import BYTES, Signed, Unsigned, ValueRange


def _check_odd(value: Any) -> Any:
    if any(size % 2 == 0 for size in (value if isinstance(value, tuple) else (value,))):
        raise fault("odd_size", "the kernel of a blur has an odd size", "an odd number, or two odd numbers")
    return value


BlurSize = Annotated[int, Field(ge=1, le=255)]
BlurSizes = Annotated[BlurSize | Annotated[tuple[BlurSize, BlurSize], Field(strict=False)], AfterValidator(_check_odd)]
Bits = Annotated[int, Field(ge=1, le=8)]
BitRange = Bits | Annotated[tuple[Bits, Bits], Field(strict=False)]


class Solarization(RandomImage):
    """Inverts the values of pixels above a random threshold, after adding a random amount."""

    type: Literal["Solarization"] = "Solarization"
    example = Example({"addition_factor": 0.2, "threshold_factor": 0.5}, ((8, 8, 3),))
    later = frozenset({"data_format"})
    addition_factor: Unsigned = 0.0
    threshold_factor: Unsigned = 0.0
    value_range: ValueRange = BYTES
    data_format: LaterDataFormat = None


class Equalization(TrainingOnlyImage, Image):
    """Flattens the histogram of each channel; like the random layers, in training mode only."""

    type: Literal["Equalization"] = "Equalization"
    example = Example({}, ((8, 8, 3),))
    value_range: ValueRange = BYTES
    bins: Annotated[int, Field(ge=2, le=65_536)] = 256


class RandomBrightness(RandomImage):
    """Adds a random amount to all values of each image."""

    type: Literal["RandomBrightness"] = "RandomBrightness"
    example = Example({"factor": 0.2}, ((8, 8, 3),))
    later = frozenset({"data_format"})
    factor: Signed
    value_range: ValueRange = BYTES
    data_format: LaterDataFormat = None


class RandomColorDegeneration(RandomImage):
    """Blends each image with its own greyscale version by a random share."""

    type: Literal["RandomColorDegeneration"] = "RandomColorDegeneration"
    example = Example({"factor": 0.2}, ((8, 8, 3),))
    factor: Signed
    value_range: ValueRange = BYTES


class RandomColorJitter(RandomImage):
    """Changes brightness, contrast, saturation and hue by random amounts."""

    type: Literal["RandomColorJitter"] = "RandomColorJitter"
    example = Example({"brightness_factor": 0.2, "hue_factor": 0.1}, ((8, 8, 3),))
    value_range: ValueRange = BYTES
    brightness_factor: Signed | None = None
    contrast_factor: Unsigned | None = None
    saturation_factor: Signed | None = None
    hue_factor: Unsigned | None = None


class RandomContrast(RandomImage):
    """Spreads or narrows the values of each channel around their mean by a random factor."""

    type: Literal["RandomContrast"] = "RandomContrast"
    example = Example({"factor": 0.2}, ((8, 8, 3),))
    later = frozenset({"data_format"})
    factor: Unsigned
    value_range: ValueRange = BYTES
    data_format: LaterDataFormat = None


class RandomGaussianBlur(RandomImage):
    """Blurs images with a Gaussian kernel of random width."""

    type: Literal["RandomGaussianBlur"] = "RandomGaussianBlur"
    example = Example({}, ((8, 8, 3),))
    factor: Unsigned = 1.0
    kernel_size: BlurSizes = 3
    sigma: Unsigned = 1.0
    value_range: ValueRange = BYTES


class RandomGrayscale(RandomImage):
    """Turns random images grey, with the probability `factor`, and keeps their channels."""

    type: Literal["RandomGrayscale"] = "RandomGrayscale"
    example = Example({}, ((8, 8, 3),))
    factor: Rate = 0.5


class RandomHue(RandomImage):
    """Rotates the hue of each image by a random amount."""

    type: Literal["RandomHue"] = "RandomHue"
    example = Example({"factor": 0.2}, ((8, 8, 3),))
    factor: Unsigned
    value_range: ValueRange = BYTES


class RandomInvert(RandomImage):
    """Inverts the colours of random images."""

    type: Literal["RandomInvert"] = "RandomInvert"
    example = Example({}, ((8, 8, 3),))
    factor: Unsigned = 1.0
    value_range: ValueRange = BYTES


class RandomPosterization(RandomImage):
    """Keeps only some bits of each colour."""

    type: Literal["RandomPosterization"] = "RandomPosterization"
    example = Example({"factor": 4}, ((8, 8, 3),))
    factor: BitRange
    value_range: ValueRange = BYTES


class RandomSaturation(RandomImage):
    """Strengthens or weakens the saturation of each image by a random factor."""

    type: Literal["RandomSaturation"] = "RandomSaturation"
    example = Example({"factor": 0.2}, ((8, 8, 3),))
    factor: Signed
    value_range: ValueRange = BYTES


class RandomSharpness(RandomImage):
    """Blurs or sharpens each image by a random amount."""

    type: Literal["RandomSharpness"] = "RandomSharpness"
    example = Example({"factor": 0.2}, ((8, 8, 3),))
    factor: Unsigned
    value_range: ValueRange = BYTES
