"""Contact sheets of the maps of one tensor, as pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import TooLarge
from models.tensors.dtypes import Array
from service.pictures.colours import GUTTER, NONFINITE, table
from service.pictures.scaling import Range, Scaled, scale_maps
from service.pictures.tiles import Tiles

GAP, LAYER_GAP = 1, 4
"""Pixels between maps, and between layers."""
MAX_PIXELS = 1 << 23
"""Most pixels of one picture."""


@dataclass(frozen=True)
class RenderStyle:
    """Style in which maps are drawn."""

    cmap: str
    range: Range
    upscale: int


def sheet_size(tiles: Tiles, upscale: int) -> tuple[int, int]:
    """Return the width and height of a sheet in pixels."""
    blocks, _, height, width = tiles.shape
    return (
        tiles.columns * (width * upscale + GAP) - GAP,
        blocks * tiles.rows * (height * upscale + GAP) - GAP,
    )


def check_pixels(sizes: list[tuple[int, int]]) -> None:
    """Check the size of a picture before it is drawn.

    Raises:
        TooLarge: it would have too many pixels.
    """
    width, height = max(width for width, _ in sizes), sum(height + LAYER_GAP for _, height in sizes) - LAYER_GAP
    if width * height > MAX_PIXELS:
        advice = "ask for a slice, one channel, fewer layers, fewer bins or a smaller upscale"
        expected, received = f"at most {MAX_PIXELS:,} pixels", f"{width:,} × {height:,} pixels"
        raise TooLarge.at("", "the picture is over its limit", expected=expected, received=received, suggestion=advice)


def draw_sheet(maps: Array, tiles: Tiles, style: RenderStyle) -> tuple[Array, Scaled]:
    """Return the sheet's pixels (height, width, 3), and the scaled values."""
    scaled = scale_maps(maps, style.range)
    pixels = table(style.cmap)[scaled.codes]
    pixels[scaled.bad] = NONFINITE
    return _arrange(pixels.repeat(style.upscale, 2).repeat(style.upscale, 3), tiles), scaled


def _arrange(pixels: Array, tiles: Tiles) -> Array:
    """Arrange (blocks, maps, height, width, 3) as one picture, with gaps between maps and in an incomplete last row."""
    blocks, count, height, width, _ = pixels.shape
    rows, columns = tiles.rows, tiles.columns
    sheet = np.empty((blocks, rows * columns, height + GAP, width + GAP, 3), np.uint8)
    sheet[:] = GUTTER
    sheet[:, :count, :height, :width] = pixels
    sheet = sheet.reshape(blocks, rows, columns, height + GAP, width + GAP, 3).swapaxes(2, 3)
    return sheet.reshape(blocks * rows * (height + GAP), columns * (width + GAP), 3)[:-GAP, :-GAP]


def stack(pictures: list[Array]) -> Array:
    """Stack pictures below one another, left-aligned."""
    width = max(picture.shape[1] for picture in pictures)
    height = sum(picture.shape[0] + LAYER_GAP for picture in pictures) - LAYER_GAP
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = GUTTER
    top = 0
    for picture in pictures:
        canvas[top : top + picture.shape[0], : picture.shape[1]] = picture
        top += picture.shape[0] + LAYER_GAP
    return canvas
