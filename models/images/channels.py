"""From Pillow's modes to the channels a network wants."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from models.errors import InvalidImage, Problem
from models.tensors.dtypes import Array

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's mode by the number of channels: grey (ITU-R 601 luma), colour, colour and alpha."""
GREY = ("1", "L", "I;16", "I;16L", "I;16B", "I;16N")
CONVERTIBLE = (*GREY, "LA", "P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr")
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
"""16-bit grey; Pillow's own conversion would clamp it to black and white."""
ALPHA = ("LA", "PA", "RGBA", "RGBa")


def channels_of(image: Image.Image, wanted: int | None) -> tuple[int, dict[str, Any]]:
    """The channels that a picture is brought to, and what is done to it for that; told by its header alone.

    `wanted` is 1, 3, 4 or None for the picture's own: 4 with transparency, else 1 for grey and 3
    for colour. Transparency is dropped, not blended, where it is not wanted, as Keras does. 16-bit
    grey is scaled from 0…65535 to 0…255 without rounding.

    Raises:
        InvalidImage: another number of channels, or a mode without one meaning (32-bit, float, LAB).
    """
    _check(image, wanted)
    channels = wanted or _own(image)
    alpha = has_alpha(image)
    done: dict[str, Any] = {"mode": image.mode, "channels": channels}
    if alpha or channels == 4:
        done["alpha"] = ("kept" if channels == 4 else "dropped") if alpha else "added"
    return channels, done | ({"range": "0…65535 to 0…255"} if image.mode in DEEP else {})


def floats(image: Image.Image, channels: int) -> Array:
    """A picture, or a part of one, as float32 (height, width, channels) from 0 to 255; each pixel by itself."""
    return _deep(image, channels) if image.mode in DEEP else _shallow(image, channels, has_alpha(image))


def has_alpha(image: Image.Image) -> bool:
    """Whether any pixel may be transparent: by an alpha channel, or by a colour that stands for nothing."""
    return image.mode in ALPHA or (image.mode in ("1", "L", "P", "RGB") and "transparency" in image.info)


def _own(image: Image.Image) -> int:
    if has_alpha(image):
        return 4
    return 1 if image.mode in GREY else 3


def _check(image: Image.Image, wanted: int | None) -> None:
    if wanted is not None and wanted not in MODES:
        message = f"a picture has no {wanted} channels"
        expected = "an input of 1 (grey), 3 (RGB) or 4 (RGBA) channels"
        raise InvalidImage(problems=[Problem("", message, expected, f"an input of {wanted} channels", "send a tensor")])
    if image.mode not in CONVERTIBLE:
        raise InvalidImage(
            problems=[
                Problem(
                    "", "pictures of this mode have no fixed range", "8-bit, or 16-bit grey, pixels",
                    f"mode {image.mode}", "send it as a tensor",
                )
            ]
        )  # fmt: skip


def _deep(image: Image.Image, channels: int) -> Array:
    grey = np.asarray(image).astype(np.float32) * np.float32(255 / 65535)
    planes = [grey] * min(channels, 3) + [np.full_like(grey, 255)] * (channels == 4)
    return np.stack(planes, axis=-1)


def _shallow(image: Image.Image, channels: int, alpha: bool) -> Array:
    """Modes with transparency pass through RGBA: Pillow's shorter ways blend or mix up the palette."""
    through = image.convert("RGBA") if alpha and image.mode not in ("LA", "RGBA") else image
    converted = through if through.mode == MODES[channels] else through.convert(MODES[channels])
    array = np.asarray(converted).astype(np.float32)
    return array.reshape(*array.shape[:2], channels)
