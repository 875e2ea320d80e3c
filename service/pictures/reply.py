"""Pictures of an engine's answer: one layer below the other, in the order of the reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import InvalidOption, Problem
from models.ipc.messages import LayerInfo, RunResult, TensorInfo
from models.tensors.dtypes import Array
from models.views.form import form_of
from models.views.view import COUNTS, EDGES, OFFSET, OUTSIDE, SCALE
from service.pictures.histogram import Bars, pixels, svg
from service.pictures.histogram import size_of as size_of_bars
from service.pictures.png import png
from service.pictures.scaling import Scaled
from service.pictures.sheet import RenderStyle, admit, drawn, size_of, stacked
from service.pictures.tiles import Tiles, kernel_axes, named_axes, tiled

Arrays = Mapping[str, Array]
HEADERS = ("range", "normalize", "nonfinite", "clipped")
"""Which of a picture's texts its headers repeat; addresses may have characters that headers cannot."""


@dataclass(frozen=True)
class Sheet:
    """One tensor to draw: what it is called, its axes, and which channel of it (None: all)."""

    name: str
    shape: tuple[int, ...]
    axes: str
    channel: int | None = None

    def tiles(self) -> Tiles:
        """The arrangement of its maps."""
        kept = [(n, axis) for n, axis in zip(self.shape, self.axes, strict=True) if not self._drops(axis)]
        return tiled(tuple(n for n, _ in kept), "".join(axis for _, axis in kept))

    def maps(self, arrays: Arrays, tiles: Tiles) -> Array:
        """Its maps, of values that bytes stand for."""
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
    """A picture's bytes, and what its headers say."""

    content: bytes
    headers: Mapping[str, str]


def layer_sheet(layer: LayerInfo, channel: int | None) -> Sheet | None:
    """What is drawn of a layer's activation or view; None of a histogram.

    Raises:
        InvalidOption: the tensor has too many axes, or not this channel.
    """
    assert layer.output is not None  # noqa: S101 (activations have an output)
    view, shape = layer.view, layer.output.shape
    if view is not None and "histogram" in view:
        return None
    axes = form_of(shape, "uint8").axes if view is None else view["axes"].replace(",", "")
    shape = shape if view is None else tuple(view["shape"])
    sheet = Sheet(layer.address, shape, named_axes(axes, layer.address), channel)
    if channel is not None:
        _check_channel(sheet, channel)
    return sheet


def _check_channel(sheet: Sheet, channel: int) -> None:
    if "c" not in sheet.axes:
        message, expected = f"{sheet.name} has no channels", f"a tensor with an axis c, not {', '.join(sheet.axes)}"
        raise InvalidOption("", [Problem("/channel", message, expected, str(channel))])
    count = sheet.shape[sheet.axes.index("c")]
    if channel >= count:
        message = f"{sheet.name} has fewer channels"
        raise InvalidOption("", [Problem("/channel", message, f"0 to {count - 1}", str(channel))])


def weight_sheet(info: TensorInfo) -> Sheet:
    """What is drawn of a weight: a kernel filter by filter."""
    return Sheet(info.name, info.shape, named_axes(kernel_axes(len(info.shape)), info.name))


def bars_of(layer: LayerInfo, arrays: Arrays) -> Bars:
    """A layer's histogram."""
    counts, edges, outside = (arrays[layer.address + suffix] for suffix in (COUNTS, EDGES, OUTSIDE))
    return Bars(layer.address, counts, edges, outside)


def planned(ran: RunResult, style: RenderStyle, channel: int | None) -> Callable[[Arrays], File]:
    """The picture of a run, before its values are there.

    Raises:
        InvalidOption: a layer cannot be drawn.
        TooLarge: the picture would have too many pixels.
    """
    sheets = [(layer, layer_sheet(layer, channel)) for layer in ran.layers]
    admit([_size(layer) if sheet is None else size_of(sheet.tiles(), style.upscale) for layer, sheet in sheets])

    def draw(arrays: Arrays) -> File:
        parts = [
            (pixels(bars_of(layer, arrays)), None) if sheet is None else _drawn(sheet, arrays, style)
            for layer, sheet in sheets
        ]
        return _file([layer.address for layer in ran.layers], parts, style)

    return draw


def planned_weights(ran: RunResult, style: RenderStyle) -> Callable[[Arrays], File]:
    """The picture of weights, one below the other, before their values are there."""
    sheets = [weight_sheet(info) for info in ran.tensors]
    if not sheets:
        raise InvalidOption("", [Problem("/format", "this layer has no weights to draw", "json", "png")])
    admit([size_of(sheet.tiles(), style.upscale) for sheet in sheets])
    return lambda arrays: _file([sheet.name for sheet in sheets], [_drawn(one, arrays, style) for one in sheets], style)


def planned_svg(ran: RunResult) -> Callable[[Arrays], File]:
    """The histograms of a run, before their values are there.

    Raises:
        InvalidOption: a layer has none.
        TooLarge: the picture would have too many pixels.
    """
    for layer in ran.layers:
        if layer.view is None or "histogram" not in layer.view:
            message, advice = f"{layer.address} has no histogram to draw as SVG", "leave the layer out, or ask for PNG"
            raise InvalidOption("", [Problem("/histogram", message, "one for every layer", "none", advice)])
    admit([_size(layer) for layer in ran.layers])
    return lambda arrays: File(svg([bars_of(layer, arrays) for layer in ran.layers]).encode(), {})


def _size(layer: LayerInfo) -> tuple[int, int]:
    """Of a layer's histogram, in pixels."""
    assert layer.view is not None  # noqa: S101 (that is where the histogram is)
    return size_of_bars(layer.view["shape"][0])


def _drawn(sheet: Sheet, arrays: Arrays, style: RenderStyle) -> tuple[Array, Scaled]:
    tiles = sheet.tiles()
    return drawn(sheet.maps(arrays, tiles), tiles, style)


def _file(names: Sequence[str], parts: Sequence[tuple[Array, Scaled | None]], style: RenderStyle) -> File:
    """The parts below one another; what is said of each stands in this order, separated by semicolons."""
    figures = [scaled for _, scaled in parts if scaled is not None]
    said = {
        "min": [_number(figure.low) for figure in figures],
        "max": [_number(figure.high) for figure in figures],
        "range": [f"{_number(figure.low)},{_number(figure.high)}" for figure in figures],
        "nonfinite": [str(np.count_nonzero(figure.bad)) for figure in figures],
        "clipped": [str(figure.clipped) for figure in figures],
        "normalize": [style.range.text] * bool(figures),
        "cmap": [style.cmap] * bool(figures),
    }
    texts = {key: "; ".join(words) for key, words in {"address": names, **said}.items() if words}
    headers = {f"X-Layerscope-{key.capitalize()}": texts[key] for key in HEADERS if key in texts}
    return File(png(stacked([part for part, _ in parts]), texts), headers)


def _number(value: float | None) -> str:
    """The shortest text that gives the number back; "none" where there is no finite value."""
    return "none" if value is None else repr(value + 0.0)  # no negative zero
