"""A decoded picture, of which numbers are made a few rows at a time: all of them are four times as large as it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from models.images.channels import floats
from models.images.turning import upright_rows, upright_size
from models.tensors.dtypes import Array

BAND_BYTES = 4 * 1024 * 1024
"""Of float32 that are made at once, if a row has no more."""


class Picture(NamedTuple):
    """A decoded picture as it is stored, how it is seen, and the channels it is brought to."""

    image: Image.Image
    orientation: int
    channels: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) as it is seen."""
        width, height = upright_size(self.image.size, self.orientation)
        return height, width

    def bands(self) -> Iterator[tuple[slice, Array]]:
        """All rows from the top, some at a time: which they are, and they as float32 (rows, width, channels)."""
        height, width = self.size
        rows = rows_at_once(width, self.channels)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            yield slice(top, bottom), floats(upright_rows(self.image, self.orientation, top, bottom), self.channels)

    def plane(self, channel: int) -> Image.Image:
        """One channel of all of it as Pillow's floats."""
        height, width = self.size
        made = Image.new("F", (width, height))
        for rows, band in self.bands():
            made.paste(Image.fromarray(np.ascontiguousarray(band[..., channel])), (0, rows.start))
        return made

    def whole(self) -> Array:
        """All of it as float32 (height, width, channels)."""
        made = np.empty((*self.size, self.channels), np.float32)
        for rows, band in self.bands():
            made[rows] = band
        return made


def rows_at_once(width: int, channels: int) -> int:
    """The rows of a band."""
    return max(1, BAND_BYTES // (4 * width * channels))
