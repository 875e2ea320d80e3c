"""Conversion of Pillow's modes to the channels of an input."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from models.errors import InvalidImage
from models.tensors.dtypes import Array

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's mode by the number of channels: grey (ITU-R 601 luma), colour, colour and alpha."""
GREY = ("1", "L", "I;16", "I;16L", "I;16B", "I;16N")
"""Pillow's modes of one channel without transparency."""
CONVERTIBLE = (*GREY, "LA", "P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr")
"""Modes whose values have a fixed range."""
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
"""16-bit grey, which Pillow's own conversion would clamp to black and white."""
ALPHA = ("LA", "PA", "RGBA", "RGBa")
"""Modes with an alpha channel."""


def channels_of(image: Image.Image, target: int | None) -> tuple[int, dict[str, Any]]:
    """Return the number of channels an image is converted to, and the notes on that for the reply; from its header
    alone.

    `target` is 1, 3, 4 or None for the image's own: 4 with transparency, else 1 for grey and 3 for
    colour. Transparency that the target lacks is dropped, not blended, as in Keras. 16-bit grey is
    scaled from 0…65535 to 0…255 without rounding.

    Raises:
        InvalidImage: another number of channels, or a mode without a defined range (32-bit, float, LAB).
    """
    _check(image, target)
    channels = target or _own_channels(image)
    alpha = has_alpha(image)
    notes: dict[str, Any] = {"mode": image.mode, "channels": channels}
    if alpha or channels == 4:
        notes["alpha"] = ("kept" if channels == 4 else "dropped") if alpha else "added"
    return channels, notes | ({"range": "0…65535 to 0…255"} if image.mode in DEEP else {})


def floats(image: Image.Image, channels: int) -> Array:
    """Return an image, or a part of one, as float32 (height, width, channels) from 0 to 255; pixels are independent."""
    return _deep(image, channels) if image.mode in DEEP else _shallow(image, channels, has_alpha(image))


def has_alpha(image: Image.Image) -> bool:
    """Whether any pixel may be transparent, by an alpha channel or a transparent colour."""
    return image.mode in ALPHA or (image.mode in ("1", "L", "P", "RGB") and "transparency" in image.info)


def _own_channels(image: Image.Image) -> int:
    if has_alpha(image):
        return 4
    return 1 if image.mode in GREY else 3


def _check(image: Image.Image, target: int | None) -> None:
    if target is not None and target not in MODES:
        message = f"a picture has no {target} channels"
        expected = "an input of 1 (grey), 3 (RGB) or 4 (RGBA) channels"
        raise InvalidImage.at(
            "", message, expected=expected, received=f"an input of {target} channels", suggestion="send a tensor"
        )
    if image.mode not in CONVERTIBLE:
        raise InvalidImage.at(
            "",
            "pictures of this mode have no fixed range",
            expected="8-bit, or 16-bit grey, pixels",
            received=f"mode {image.mode}",
            suggestion="send it as a tensor",
        )


def _deep(image: Image.Image, channels: int) -> Array:
    grey = np.asarray(image).astype(np.float32) * np.float32(255 / 65535)
    planes = [grey] * min(channels, 3) + [np.full_like(grey, 255)] * (channels == 4)
    return np.stack(planes, axis=-1)


def _shallow(image: Image.Image, channels: int, alpha: bool) -> Array:
    """Convert modes with transparency by way of RGBA: Pillow's direct conversions blend, or mix up the palette."""
    through = image.convert("RGBA") if alpha and image.mode not in ("LA", "RGBA") else image
    converted = through if through.mode == MODES[channels] else through.convert(MODES[channels])
    array = np.asarray(converted).astype(np.float32)
    return array.reshape(*array.shape[:2], channels)
