"""Rotation of images by their EXIF orientation, a part at a time to avoid a second copy.

Source: EXIF 2.32, tag Orientation.
"""

from __future__ import annotations

from PIL import Image

UPRIGHT = 1
"""The EXIF orientation of an image that is stored upright."""
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that makes an image of each other EXIF orientation upright."""
FROM_COLUMNS = (5, 6, 7, 8)
"""Orientations whose rows are stored as columns."""
BACKWARDS = (3, 4, 7, 8)
"""Orientations whose first row, or column, is stored last."""


def upright_size(stored: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the (width, height) of the upright image."""
    width, height = stored
    return (height, width) if orientation in FROM_COLUMNS else (width, height)


def upright_rows(image: Image.Image, orientation: int, top: int, bottom: int) -> Image.Image:
    """Return the rows `top:bottom` of the upright image."""
    width, height = image.size
    lines = width if orientation in FROM_COLUMNS else height
    first, last = (lines - bottom, lines - top) if orientation in BACKWARDS else (top, bottom)
    box = (first, 0, last, height) if orientation in FROM_COLUMNS else (0, first, width, last)
    part = image.crop(box)
    return part.transpose(TRANSPOSITIONS[orientation]) if orientation in TRANSPOSITIONS else part
