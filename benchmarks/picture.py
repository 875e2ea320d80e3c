"""`scripts/screenshot`: the picture of the README, taken of the real page on a real service."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from benchmarks.browsing import chromium, service
from benchmarks.samples import ROOT

PICTURE = ROOT / "docs/page.png"
WINDOW = {"width": 1440, "height": 900}
WHAT = "layer=conv2d&unit=1&panel=map&element=14,12"
"""A map, and the arithmetic of one of its values."""
WAIT_MS = 60_000
COLOURS = 256
"""A palette makes the file a third as large; the page has few colours."""


def taken(url: str) -> bytes:
    """The page in a window as a PNG, once everything in it is computed."""
    with chromium() as browser:
        tab = browser.new_page(viewport=WINDOW, color_scheme="light")  # type: ignore[arg-type]
        tab.goto(f"{url}/#{WHAT}")
        tab.wait_for_selector(".terms-result", timeout=WAIT_MS)
        tab.wait_for_timeout(1000)  # maps are drawn as they come
        return tab.screenshot()


def main() -> None:
    """Takes the picture and writes it."""
    with service() as url:
        content = taken(url)
    with Image.open(BytesIO(content)) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
