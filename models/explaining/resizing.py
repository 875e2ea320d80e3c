"""Maps at the size of the picture that they explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from models.errors import InvalidOption
from models.explaining.methods.method import RESIZED
from models.tensors.dtypes import Array

MAP_RANK, PICTURE_RANK = 3, 4
"""Axes of maps, n × h × w, and of pictures, n × h × w × c."""


def picture_size(inputs: Mapping[str, Array]) -> tuple[int, int]:
    """Return the height and width of the first input that is a picture.

    Raises:
        InvalidOption: there is none.
    """
    sizes = [array.shape[1:3] for array in inputs.values() if array.ndim == PICTURE_RANK]
    if not sizes:
        message, expected = "there is no picture whose size a map could have", "an input of height, width and channels"
        raise InvalidOption.at("/resized", message, expected, "none")
    return sizes[0][0], sizes[0][1]


def resized_maps(tensors: Mapping[str, Array], size: tuple[int, int]) -> dict[str, Array]:
    """Return each map resized (bilinear, the centres of values half a value from the edge, as Pillow and TensorFlow 2
    resize), float32, under its address with `:resized`.

    Raises:
        InvalidOption: a tensor is no map.
    """
    for address, array in tensors.items():
        if array.ndim != MAP_RANK:
            message, expected = f"what explains {address} is no map", "a method that gives maps, such as grad_cam"
            raise InvalidOption.at("/method", message, expected, f"{array.ndim - 1} axes after the batch")
    return {address + RESIZED: np.stack([_resized(one, size) for one in array]) for address, array in tensors.items()}


def _resized(one: Array, size: Sequence[int]) -> Array:
    height, width = size
    image = Image.fromarray(np.ascontiguousarray(one, np.float32), "F")
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
