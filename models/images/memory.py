"""Estimate of the memory for reading an image, from its header alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.images.channels import DEEP
from models.images.decode import OpenedImage
from models.images.picture import BAND_BYTES

PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, **dict.fromkeys(DEEP, 2)}
"""Bytes that Pillow stores for a pixel, by mode."""
OTHER_PIXEL_BYTES = 4
"""Bytes of a pixel in any other mode."""
DECODER_BYTES = {"WEBP": 12, "AVIF": 12, "TIFF": 8, "GIF": 3, "BMP": 4}
"""Most bytes that a format's decoder stores for a pixel in addition to the image; others buffer some lines."""
KEPT_BYTES = {"WEBP": 8, "AVIF": 4}
"""Bytes for a pixel that the decoder keeps after decoding."""
COEFFICIENT_BYTES = 2
"""Bytes that the decoder of a JPEG with several scans stores for each band of a pixel."""
SCAN = b"\xff\xda"
"""The marker of a scan in a JPEG."""
PLANE_BYTES = 4
"""Bytes for a pixel of a channel that is resized."""
BANDS = 4 * BAND_BYTES
"""A band of rows as stored, converted and as float32, and one plane of it."""
RESULT_COPIES = 2
"""The resized and the scaled tensor."""


class ReadingMemory(NamedTuple):
    """Bytes for reading an image, and bytes of the resulting tensor."""

    reading: int
    result: int


def reading_memory(picture: OpenedImage, shape: Sequence[int | None] | None) -> ReadingMemory:
    """Estimate the memory for reading an image for an input of (height, width, channels), None where these are free.
    The image may be rotated: where height or width is free, the longer side counts.
    """
    size = picture.image.size
    longest, pixels = max(size), size[0] * size[1]
    height, width, channels = shape or (None, None, None)
    rows, columns = longest if height is None else height, longest if width is None else width
    result_pixels = pixels if height is None and width is None else rows * columns
    result = 4 * result_pixels * (channels or 4)
    intermediate = 4 * longest * max(rows, columns) if result_pixels != pixels else 0
    band = max(BANDS, 4 * 4 * (channels or 4) * longest)
    return ReadingMemory(_decoding_memory(picture, pixels) + intermediate + band + RESULT_COPIES * result, result)


def _decoding_memory(picture: OpenedImage, pixels: int) -> int:
    """Return the maximum of the memory for decoding, and for resizing one channel after the other."""
    image, name = picture.image, picture.image.format or ""
    pixel_bytes = PIXEL_BYTES.get(image.mode, OTHER_PIXEL_BYTES)
    decoder_bytes = DECODER_BYTES.get(name, 0)
    if name in ("JPEG", "MPO") and picture.data.count(SCAN) > 1:
        decoder_bytes = COEFFICIENT_BYTES * len(image.getbands())
    return pixels * (pixel_bytes + max(decoder_bytes, KEPT_BYTES.get(name, 0) + PLANE_BYTES))
