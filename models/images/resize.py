"""Pictures brought to the height and width that an input fixes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from models.errors import InvalidImage, Problem, TooLarge
from models.images.picture import Picture
from models.tensors.dtypes import Array

Resize = Literal["bilinear", "nearest", "none"]
"""How a picture of another size is made to fit."""
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST}


def resized(picture: Picture, height: int | None, width: int | None, how: Resize, max_pixels: int) -> Array:
    """The picture as float32 (height, width, channels) at the fixed size; None keeps what the picture has.

    `bilinear` is Pillow's filter, which averages over all the pixels when it shrinks (antialiasing), applied to each
    channel in floating point without rounding.

    Raises:
        InvalidImage: `how` is "none" and the size differs.
        TooLarge: the result, or what lies between the two passes, has more than `max_pixels` pixels.
    """
    rows, columns = picture.size
    target = (height or rows, width or columns)
    if target == (rows, columns):
        return picture.whole()
    if how == "none":
        raise _differs((rows, columns), target)
    if max(target[0], rows) * target[1] > max_pixels:
        received = f"{target[0]} × {target[1]} pixels from {rows} × {columns}"
        raise TooLarge(problems=[Problem("", "resizing takes too much", f"at most {max_pixels} pixels", received)])
    made = np.empty((*target, picture.channels), np.float32)
    for channel in range(picture.channels):
        made[..., channel] = np.asarray(picture.plane(channel).resize((target[1], target[0]), FILTERS[how]))
    return made


def _differs(size: tuple[int, int], target: tuple[int, int]) -> InvalidImage:
    return InvalidImage(
        problems=[
            Problem(
                "",
                "the picture is not as large as the input and resize is none",
                f"{target[0]} × {target[1]} pixels (height × width)",
                f"{size[0]} × {size[1]} pixels",
                'write "resize": "bilinear"',
            )
        ]
    )
