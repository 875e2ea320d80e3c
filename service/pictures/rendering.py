"""Pictures of an engine's result: layers below one another, in the order of the reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import InvalidOption
from models.ipc.messages import LayerInfo, RunResult, TensorInfo
from models.tensors.dtypes import Array
from models.views.tensor_type import type_of_output
from models.views.view import COUNTS, EDGES, OFFSET, OUTSIDE, SCALE
from service.pictures.histogram import Bars, histogram_size, pixels, svg
from service.pictures.png import png
from service.pictures.scaling import Scaled
from service.pictures.sheet import RenderStyle, check_pixels, draw_sheet, sheet_size, stack
from service.pictures.tiles import Tiles, kernel_axes, named_axes, tile

Arrays = Mapping[str, Array]
HEADERS = ("range", "normalize", "nonfinite", "clipped")
"""PNG texts that are repeated as headers; addresses may have characters that headers cannot."""


@dataclass(frozen=True)
class Sheet:
    """One tensor to draw: its name, axes, and the channel to draw (None: all)."""

    name: str
    shape: tuple[int, ...]
    axes: str
    channel: int | None = None

    def tiles(self) -> Tiles:
        """Return the arrangement of its maps."""
        axes = [(n, axis) for n, axis in zip(self.shape, self.axes, strict=True) if not self._drops(axis)]
        return tile(tuple(n for n, _ in axes), "".join(axis for _, axis in axes))

    def maps(self, arrays: Arrays, tiles: Tiles) -> Array:
        """Return its maps, with uint8 views converted back to values."""
        array, axes = arrays[self.name], self.axes
        if self.name + SCALE in arrays:
            array = arrays[self.name + OFFSET] + arrays[self.name + SCALE] * array
        if self.channel is not None:
            array, axes = array.take(self.channel, axes.index("c")), axes.replace("c", "")
        return tiles.of(array, axes)

    def _drops(self, axis: str) -> bool:
        return axis == "c" and self.channel is not None


@dataclass(frozen=True)
class File:
    """A picture's bytes and headers."""

    content: bytes
    headers: Mapping[str, str]


def layer_sheet(layer: LayerInfo, channel: int | None) -> Sheet | None:
    """Return the sheet of a layer's activation or view; None for a histogram.

    Raises:
        InvalidOption: the tensor has too many axes, or lacks this channel.
    """
    assert layer.output is not None  # noqa: S101 (activations have an output)
    view, shape = layer.view, layer.output.shape
    if view is not None and "histogram" in view:
        return None
    axes = type_of_output(shape, "uint8").axes if view is None else view["axes"].replace(",", "")
    shape = shape if view is None else tuple(view["shape"])
    sheet = Sheet(layer.address, shape, named_axes(axes, layer.address), channel)
    if channel is not None:
        _check_channel(sheet, channel)
    return sheet


def _check_channel(sheet: Sheet, channel: int) -> None:
    if "c" not in sheet.axes:
        message, expected = f"{sheet.name} has no channels", f"a tensor with an axis c, not {', '.join(sheet.axes)}"
        raise InvalidOption.at("/channel", message, expected=expected, received=str(channel))
    count = sheet.shape[sheet.axes.index("c")]
    if channel >= count:
        message = f"{sheet.name} has fewer channels"
        raise InvalidOption.at("/channel", message, expected=f"0 to {count - 1}", received=str(channel))


def weight_sheet(info: TensorInfo) -> Sheet:
    """Return the sheet of a weight; a kernel is drawn filter by filter."""
    return Sheet(info.name, info.shape, named_axes(kernel_axes(len(info.shape)), info.name))


def bars_of(layer: LayerInfo, arrays: Arrays) -> Bars:
    """Return a layer's histogram."""
    counts, edges, outside = (arrays[layer.address + suffix] for suffix in (COUNTS, EDGES, OUTSIDE))
    return Bars(layer.address, counts, edges, outside)


def plan_picture(result: RunResult, style: RenderStyle, channel: int | None) -> Callable[[Arrays], File]:
    """Plan the picture of a run before its values are available; return the function that draws it. Layers without a
    tensor, which comparisons have, are left out.

    Raises:
        InvalidOption: a layer cannot be drawn, or none has a tensor.
        TooLarge: the picture would have too many pixels.
    """
    sheets = [(layer, layer_sheet(layer, channel)) for layer in result.layers if layer.output is not None]
    if not sheets:
        raise InvalidOption.at("/layers", "none of these layers has a tensor to draw", "layers of one shape", "others")
    check_pixels(
        [_size(layer) if sheet is None else sheet_size(sheet.tiles(), style.upscale) for layer, sheet in sheets]
    )

    def draw(arrays: Arrays) -> File:
        parts = [
            (pixels(bars_of(layer, arrays)), None) if sheet is None else _draw(sheet, arrays, style)
            for layer, sheet in sheets
        ]
        return file_of([layer.address for layer, _ in sheets], parts, style)

    return draw


def plan_weights_picture(result: RunResult, style: RenderStyle) -> Callable[[Arrays], File]:
    """Plan the picture of weights, below one another, as `plan_picture`."""
    sheets = [weight_sheet(info) for info in result.tensors]
    if not sheets:
        raise InvalidOption.at("/format", "this layer has no weights to draw", expected="json", received="png")
    check_pixels([sheet_size(sheet.tiles(), style.upscale) for sheet in sheets])
    names = [sheet.name for sheet in sheets]
    return lambda arrays: file_of(names, [_draw(sheet, arrays, style) for sheet in sheets], style)


def plan_svg(result: RunResult) -> Callable[[Arrays], File]:
    """Plan the histograms of a run as SVG, as `plan_picture`.

    Raises:
        InvalidOption: a layer has no histogram.
        TooLarge: the picture would have too many pixels.
    """
    for layer in result.layers:
        if layer.view is None or "histogram" not in layer.view:
            message, advice = f"{layer.address} has no histogram to draw as SVG", "leave the layer out, or ask for PNG"
            raise InvalidOption.at(
                "/histogram", message, expected="one for every layer", received="none", suggestion=advice
            )
    check_pixels([_size(layer) for layer in result.layers])
    return lambda arrays: File(svg([bars_of(layer, arrays) for layer in result.layers]).encode(), {})


def _size(layer: LayerInfo) -> tuple[int, int]:
    """Return the size of a layer's histogram in pixels."""
    assert layer.view is not None  # noqa: S101 (the histogram is its view)
    return histogram_size(layer.view["shape"][0])


def _draw(sheet: Sheet, arrays: Arrays, style: RenderStyle) -> tuple[Array, Scaled]:
    tiles = sheet.tiles()
    return draw_sheet(sheet.maps(arrays, tiles), tiles, style)


def file_of(names: Sequence[str], parts: Sequence[tuple[Array, Scaled | None]], style: RenderStyle) -> File:
    """Return the file of parts below one another; texts list their figures in this order, separated by semicolons."""
    figures = [scaled for _, scaled in parts if scaled is not None]
    figure_texts = {
        "min": [_number(figure.low) for figure in figures],
        "max": [_number(figure.high) for figure in figures],
        "range": [f"{_number(figure.low)},{_number(figure.high)}" for figure in figures],
        "nonfinite": [str(np.count_nonzero(figure.bad)) for figure in figures],
        "clipped": [str(figure.clipped) for figure in figures],
        "normalize": [style.range.text] * bool(figures),
        "cmap": [style.cmap] * bool(figures),
    }
    texts = {key: "; ".join(words) for key, words in {"address": names, **figure_texts}.items() if words}
    headers = {f"X-Layerscope-{key.capitalize()}": texts[key] for key in HEADERS if key in texts}
    return File(png(stack([part for part, _ in parts]), texts), headers)


def _number(value: float | None) -> str:
    """Format a number as its shortest round-trip text; "none" without finite values."""
    return "none" if value is None else repr(value + 0.0)  # no negative zero
