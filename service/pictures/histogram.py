"""Histograms drawn as bars, as pixels or SVG with the same geometry, in whole pixels."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.tensors.dtypes import Array

WIDTH, HEIGHT = 512, 256
"""Size of the bar area; a bin is at least a pixel wide."""
MARGIN, LINE = 8, 16
BAR, PAPER, INK = (68, 114, 196), (255, 255, 255), (32, 32, 32)


def step_of(bins: int) -> int:
    """Return the width of a bin in pixels."""
    return max(1, WIDTH // bins)


def histogram_size(bins: int) -> tuple[int, int]:
    """Return the width and height of a histogram with its texts."""
    return max(step_of(bins) * bins, WIDTH) + 2 * MARGIN, HEIGHT + 2 * MARGIN + 2 * LINE


@dataclass(frozen=True)
class Bars:
    """A histogram to draw."""

    address: str
    counts: Array
    edges: Array
    outside: Array
    """[below, above, nan]."""

    @property
    def step(self) -> int:
        """Width of a bin in pixels."""
        return step_of(len(self.counts))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height with the texts."""
        return histogram_size(len(self.counts))

    def boxes(self) -> list[tuple[int, int, int, int]]:
        """Return x, y, width and height of each non-empty bar, at least a pixel high."""
        highest = max(int(self.counts.max()), 1)
        heights = [max(1, round(HEIGHT * int(count) / highest)) if count else 0 for count in self.counts]
        bottom = MARGIN + LINE + HEIGHT
        return [(MARGIN + n * self.step, bottom - high, self.step, high) for n, high in enumerate(heights) if high]

    def texts(self) -> list[tuple[str, int, int]]:
        """Return texts with left and top: above, address and highest count; below, the range and counts outside it."""
        below, above, nan = self.outside.tolist()
        ends = f"{self.edges[0]:g} to {self.edges[-1]:g}   below {below:,}   above {above:,}   NaN {nan:,}"
        foot = MARGIN + LINE + HEIGHT + 2
        return [(f"{self.address}   highest {int(self.counts.max()):,}", MARGIN, MARGIN), (ends, MARGIN, foot)]


def pixels(bars: Bars) -> Array:
    """Draw the picture, (height, width, 3) uint8, in Pillow's built-in bitmap font, the same on every platform."""
    image = Image.new("RGB", bars.size, PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default_imagefont()
    for left, top, width, height in bars.boxes():
        draw.rectangle((left, top, left + width - 1, top + height - 1), fill=BAR)
    for text, left, top in bars.texts():
        draw.text((left, top), text.encode("ascii", "replace").decode(), INK, font)
    return np.asarray(image)


def svg(histograms: list[Bars]) -> str:
    """Draw histograms below one another as one SVG; each bar's title is its bin and count."""
    width = max(bars.size[0] for bars in histograms)
    height = sum(bars.size[1] for bars in histograms)
    parts, top = [], 0
    for bars in histograms:
        parts.append(f'<g transform="translate(0 {top})">{_group(bars)}</g>')
        top += bars.size[1]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return f'{head}\n<rect width="100%" height="100%" fill="{_hex(PAPER)}"/>\n{"".join(parts)}\n</svg>\n'


def _group(bars: Bars) -> str:
    nonzero = np.flatnonzero(bars.counts)
    rectangles = [
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="{_hex(BAR)}"><title>'
        f"{bars.edges[n]:g} to {bars.edges[n + 1]:g}: {int(bars.counts[n]):,}</title></rect>"
        for n, (left, top, width, height) in zip(nonzero, bars.boxes(), strict=True)
    ]
    texts = [
        f'<text x="{left}" y="{top + 11}" font-family="monospace" font-size="11" fill="{_hex(INK)}"'
        f' xml:space="preserve">{escape(text)}</text>'
        for text, left, top in bars.texts()
    ]
    return "\n".join([*rectangles, *texts])


def _hex(colour: tuple[int, int, int]) -> str:
    return f"#{bytes(colour).hex()}"
