"""The page on a model: its address, and the browser that shows it."""

from __future__ import annotations

import sys
import webbrowser
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

from service.opening.running_service import RunningService

MAX_PICTURE_CHARACTERS = 8_000
"""Of a picture in an address, as in `web/src/input/address.ts`."""
DROP_IT = "{picture} is too large for an address: choose it on the page, or drop it there.\n"
WITHOUT_WINDOW = ("www-browser", "links", "elinks", "lynx", "w3m")
"""Names of browsers that would take the terminal; Python finds them first where there is no screen."""


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
    if not sys.stdout.isatty():
        return
    with suppress(webbrowser.Error):
        browser = webbrowser.get()
        if getattr(browser, "name", None) not in WITHOUT_WINDOW:
            browser.open(address)
