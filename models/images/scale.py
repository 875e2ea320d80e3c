"""Scaling of pixels to the value ranges that networks were trained on.

Source: keras/src/applications/imagenet_utils.py, `_preprocess_numpy_input`: unit is its division by
255, signed its mode "tf", caffe and torch its modes of the same names.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from models.errors import InvalidOption
from models.tensors.dtypes import Array

Scale = Literal["none", "unit", "signed", "caffe", "torch"]
"""0…255 unchanged, 0…1, -1…1, BGR less ImageNet's means, RGB normalised by ImageNet's means and deviations."""
CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)
"""Blue, green, red."""
TORCH_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
"""Red, green, blue, in 0…1."""
TORCH_STD = np.array([0.229, 0.224, 0.225], np.float32)
"""Red, green, blue, in 0…1."""


def scaled(picture: Array, scale: Scale) -> Array:
    """Scale a float32 image (height, width, channels) from 0…255 to the range of `scale`; float32, in place except for
    caffe.

    Raises:
        InvalidOption: caffe and torch are for three channels only.
    """
    match scale:
        case "none":
            return picture
        case "unit":
            return np.divide(picture, np.float32(255), out=picture)
        case "signed":
            np.divide(picture, np.float32(127.5), out=picture)
            return np.subtract(picture, np.float32(1), out=picture)
    _check_colour(picture.shape[-1], scale)
    if scale == "caffe":
        return picture[..., ::-1] - CAFFE_MEAN
    np.divide(picture, np.float32(255), out=picture)
    np.subtract(picture, TORCH_MEAN, out=picture)
    return np.divide(picture, TORCH_STD, out=picture)


def unscaled(pictures: Array, scale: Scale) -> Array:
    """Return the pixels, 0…255 (float64), that `scaled` made pictures (…, height, width, channels) of."""
    values = pictures.astype(np.float64)
    match scale:
        case "none":
            return values
        case "unit":
            return values * 255
        case "signed":
            return (values + 1) * 127.5
        case "caffe":
            return (values + CAFFE_MEAN)[..., ::-1]
    return (values * TORCH_STD + TORCH_MEAN) * 255


def _check_colour(channels: int, scale: str) -> None:
    if channels != 3:
        raise InvalidOption.at(
            "/scale",
            f"the scale {scale} is made for pictures of three channels",
            expected="an input of 3 channels (RGB)",
            received=f"{channels} channels",
            suggestion='write "unit" or "signed"',
        )
