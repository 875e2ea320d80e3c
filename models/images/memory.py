"""What a picture takes in memory while it is read, told from its header before a pixel is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.images.channels import DEEP
from models.images.decode import Opened
from models.images.picture import BAND_BYTES

PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, **dict.fromkeys(DEEP, 2)}
"""What Pillow holds of a pixel, by mode."""
OTHER_PIXEL_BYTES = 4
DECODER_BYTES = {"WEBP": 12, "AVIF": 12, "TIFF": 8, "GIF": 3, "BMP": 4}
"""What a format's decoder holds of a pixel beside the picture, at most; others hold some lines."""
KEPT_BYTES = {"WEBP": 8, "AVIF": 4}
"""What it holds on to when the picture is there."""
COEFFICIENT_BYTES = 2
"""Of a JPEG that comes in several scans, its decoder holds so much for each band of a pixel."""
SCAN = b"\xff\xda"
PLANE_BYTES = 4
"""Of a channel that is resized."""
BANDS = 4 * BAND_BYTES
"""A band as it is stored, converted, as float32, and a plane of it."""
RESULT_COPIES = 2
"""Resized, and scaled."""


class ReadingMemory(NamedTuple):
    """Bytes that reading a picture takes, and those that are left of it: its tensor's."""

    reading: int
    result: int


def reading_memory(picture: Opened, shape: Sequence[int | None] | None) -> ReadingMemory:
    """What reading a picture for an input of (height, width, channels) takes, None where these are free. It may have to
    be turned: where height or width is free, the longer side counts.
    """
    size = picture.image.size
    longest, pixels = max(size), size[0] * size[1]
    height, width, channels = shape or (None, None, None)
    rows, columns = longest if height is None else height, longest if width is None else width
    made = pixels if height is None and width is None else rows * columns
    result = 4 * made * (channels or 4)
    between = 4 * longest * max(rows, columns) if made != pixels else 0
    band = max(BANDS, 4 * 4 * (channels or 4) * longest)
    return ReadingMemory(_decoding(picture, pixels) + between + band + RESULT_COPIES * result, result)


def _decoding(picture: Opened, pixels: int) -> int:
    """While it is decoded, or while its channels are resized one after the other."""
    image, name = picture.image, picture.image.format or ""
    pixel = PIXEL_BYTES.get(image.mode, OTHER_PIXEL_BYTES)
    of_decoder = DECODER_BYTES.get(name, 0)
    if name in ("JPEG", "MPO") and picture.data.count(SCAN) > 1:
        of_decoder = COEFFICIENT_BYTES * len(image.getbands())
    return pixels * (pixel + max(of_decoder, KEPT_BYTES.get(name, 0) + PLANE_BYTES))
