"""Decoded image, converted to float32 a band of rows at a time: all of it takes four times the memory of the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from models.images.channels import floats
from models.images.orientation import upright_rows, upright_size
from models.tensors.dtypes import Array

BAND_BYTES = 4 * 1024 * 1024
"""Most bytes of float32 in a band, unless a single row has more."""


class Picture(NamedTuple):
    """Decoded image as it is stored, its EXIF orientation, and the number of channels it is converted to."""

    image: Image.Image
    orientation: int
    channels: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the upright image."""
        width, height = upright_size(self.image.size, self.orientation)
        return height, width

    def bands(self) -> Iterator[tuple[slice, Array]]:
        """Yield all rows from the top in bands: the slice of rows, and their float32 (rows, width, channels)."""
        height, width = self.size
        rows = rows_at_once(width, self.channels)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            yield slice(top, bottom), floats(upright_rows(self.image, self.orientation, top, bottom), self.channels)

    def plane(self, channel: int) -> Image.Image:
        """Return one channel of the whole image in Pillow's mode F."""
        height, width = self.size
        plane = Image.new("F", (width, height))
        for rows, band in self.bands():
            plane.paste(Image.fromarray(np.ascontiguousarray(band[..., channel])), (0, rows.start))
        return plane

    def whole(self) -> Array:
        """Return the whole image as float32 (height, width, channels)."""
        whole = np.empty((*self.size, self.channels), np.float32)
        for rows, band in self.bands():
            whole[rows] = band
        return whole


def rows_at_once(width: int, channels: int) -> int:
    """Return the number of rows of a band."""
    return max(1, BAND_BYTES // (4 * width * channels))
