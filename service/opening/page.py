"""The page on a model: its address, and the browser that shows it."""

from __future__ import annotations

import os
import sys
import webbrowser
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlencode

from service.opening.running_service import RunningService

MAX_PICTURE_CHARACTERS = 8_000
"""Of a picture in an address, as in `web/src/input/address.ts`."""
DROP_IT = "{picture} is too large for an address: choose it on the page, or drop it there.\n"
SCREENS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
"""Variables of which Linux has one where a browser has a window, and not the terminal."""


def page_of(service: RunningService, name: str, picture: Path | None = None) -> tuple[str, str]:
    """Return the address of the page on a model, with a picture that fits into it, and a note on one that does not."""
    state, note = {"model": name}, ""
    if picture is not None:
        text = "png:" + b64encode(picture.read_bytes()).decode()
        if len(text) <= MAX_PICTURE_CHARACTERS:
            state["input"] = text
        else:
            note = DROP_IT.format(picture=picture)
    return f"{service.url}/#{urlencode(state)}", note


def show(address: str) -> None:
    """Show a page in the browser of the user at the terminal, where both are there."""
    has_screen = sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in SCREENS)
    if sys.stdout.isatty() and has_screen:
        webbrowser.open(address)
