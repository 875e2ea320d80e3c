"""Maps over the pictures that they explain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.errors import InvalidOption
from models.explaining.methods.method import RESIZED
from models.images.scale import Scale, unscaled
from models.ipc.messages import RunResult
from models.tensors.dtypes import Array
from service.pictures.colours import table
from service.pictures.rendering import Arrays, File, file_of
from service.pictures.scaling import Scaled, scale_maps
from service.pictures.sheet import RenderStyle, check_pixels, stack


def plan_overlay(
    result: RunResult, style: RenderStyle, alpha: float, pictures: Array | None
) -> Callable[[Arrays], File]:
    """Plan the picture of the resized maps of a result, each over its picture, n × height × width × 3 (uint8), with the
    opacity `alpha`; return the function that draws it.

    Raises:
        InvalidOption: no picture was sent.
        TooLarge: the picture would have too many pixels.
    """
    if pictures is None:
        message, expected = "there is no picture to lay a map over", "an input of height, width and 1, 3 or 4 channels"
        raise InvalidOption.at("/overlay", message, expected, "none")
    count, height, width, _ = pictures.shape
    names = [layer.address for layer in result.layers if layer.address.endswith(RESIZED)]
    check_pixels([(width * style.upscale, height * style.upscale)] * count * len(names))
    return lambda arrays: _draw(names, arrays, style, alpha, pictures)


def _draw(names: Sequence[str], arrays: Arrays, style: RenderStyle, alpha: float, pictures: Array) -> File:
    parts: list[tuple[Array, Scaled | None]] = []
    for name in names:
        scaled = scale_maps(arrays[name][:, None], style.range)
        colours = table(style.cmap)[scaled.codes[:, 0]]
        mixed = np.rint(alpha * colours + (1 - alpha) * pictures).astype(np.uint8)
        mixed[scaled.bad[:, 0]] = pictures[scaled.bad[:, 0]]
        sheet = stack([one.repeat(style.upscale, 0).repeat(style.upscale, 1) for one in mixed])
        parts.append((sheet, scaled))
    return file_of(names, parts, style)


def pictures_of(array: Array, scale: Scale | None) -> Array | None:
    """Return an input as pictures of RGB, uint8, with its scale undone; without one, from its least to its largest
    value. None: it is no picture.
    """
    if array.ndim != 4 or array.shape[-1] not in (1, 3, 4):
        return None
    values = _stretched(array.astype(np.float64)) if scale is None else unscaled(array, scale)
    pixels: Array = np.rint(np.clip(np.nan_to_num(values[..., :3]), 0, 255)).astype(np.uint8)
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels


def _stretched(values: Array) -> Array:
    low, high = values.min(), values.max()
    return np.asarray((values - low) * (255 / ((high - low) or 1)))
