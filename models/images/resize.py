"""Resizing of images to the fixed height and width of an input."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from models.errors import InvalidImage, TooLarge
from models.images.picture import Picture
from models.tensors.dtypes import Array

Resize = Literal["bilinear", "nearest", "none"]
"""The interpolation for an image of another size."""
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST}
"""Pillow's filter of each method."""


def resized(picture: Picture, height: int | None, width: int | None, method: Resize, max_pixels: int) -> Array:
    """Resize to float32 (height, width, channels); None keeps the image's own height or width.

    `bilinear` is Pillow's filter, which averages over all pixels when it shrinks (antialiasing), applied to each
    channel in floating point without rounding.

    Raises:
        InvalidImage: `method` is "none" and the size differs.
        TooLarge: the result, or the intermediate between the two passes, has more than `max_pixels` pixels.
    """
    rows, columns = picture.size
    target = (height or rows, width or columns)
    if target == (rows, columns):
        return picture.whole()
    if method == "none":
        raise _size_mismatch((rows, columns), target)
    if max(target[0], rows) * target[1] > max_pixels:
        received = f"{target[0]} × {target[1]} pixels from {rows} × {columns}"
        raise TooLarge.at("", "resizing takes too much", expected=f"at most {max_pixels} pixels", received=received)
    result = np.empty((*target, picture.channels), np.float32)
    for channel in range(picture.channels):
        result[..., channel] = np.asarray(picture.plane(channel).resize((target[1], target[0]), FILTERS[method]))
    return result


def _size_mismatch(size: tuple[int, int], target: tuple[int, int]) -> InvalidImage:
    return InvalidImage.at(
        "",
        "the picture is not as large as the input and resize is none",
        expected=f"{target[0]} × {target[1]} pixels (height × width)",
        received=f"{size[0]} × {size[1]} pixels",
        suggestion='write "resize": "bilinear"',
    )
