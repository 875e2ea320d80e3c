"""Parts of pictures that a network reads, in their own colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from models.images.scale import Scale
from models.ipc.messages import LayerInfo, RunResult, TensorInfo
from models.tensors.dtypes import Array
from service.pictures.overlay import pictures_of
from service.pictures.png import png
from service.pictures.rendering import Arrays, File
from service.pictures.sheet import check_pixels, stack


class Pictures(NamedTuple):
    """The inputs of a request by name: as the network takes them, and what was done to those that came as pictures."""

    inputs: Mapping[str, TensorInfo]
    preprocessing: Mapping[str, Mapping[str, Any]]
    posted: Array | None = None
    """The first of them as pixels, where maps are drawn over it."""

    def scale_of(self, layer: LayerInfo) -> Scale | None:
        """Return how the pixels of an input became numbers; None for a tensor, a view, and a part of the channels."""
        notes = self.preprocessing.get(layer.address)
        if notes is None or layer.view is not None or layer.output is None:
            return None
        if layer.output.shape[-1] != self.inputs[layer.address].shape[-1]:
            return None
        scale: Scale = notes["scale"] if "scale" in notes else notes["images"][0]["scale"]
        return scale


def plan_photographs(result: RunResult, pictures: Pictures, upscale: int) -> Callable[[Arrays], File] | None:
    """Plan the picture of parts of inputs, below one another, before their values are available; return the function
    that draws it. None if one of them has no colours of its own.

    Raises:
        TooLarge: the picture would have too many pixels.
    """
    scales = [pictures.scale_of(layer) for layer in result.layers]
    known = [scale for scale in scales if scale is not None]
    if len(known) < len(scales):
        return None
    check_pixels([_size(layer, upscale) for layer in result.layers])
    names = [layer.address for layer in result.layers]

    def draw(arrays: Arrays) -> File:
        parts = [_pixels(arrays[name], scale, upscale) for name, scale in zip(names, known, strict=True)]
        return File(png(stack(parts), {"address": "; ".join(names)}), {})

    return draw


def _size(layer: LayerInfo, upscale: int) -> tuple[int, int]:
    """Return width and height in pixels."""
    assert layer.output is not None  # noqa: S101 (parts of inputs have a tensor)
    _, height, width, _ = layer.output.shape
    return width * upscale, height * upscale


def _pixels(part: Array, scale: Scale, upscale: int) -> Array:
    """Return (height, width, 3) uint8."""
    pictures = pictures_of(part, scale)
    assert pictures is not None  # noqa: S101 (parts of what came as pictures)
    enlarged: Array = pictures[0].repeat(upscale, 0).repeat(upscale, 1)
    return enlarged
