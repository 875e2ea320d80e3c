"""The states of the page that everybody must be able to use: each is reached as a reader reaches it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Visit

SLOW_MS = 60_000
"""A first explanation or diagnosis builds its own functions."""
TOO_LARGE = {"input": [1024, 1024, 3], "layers": [{"type": "Conv2D", "filters": 4096, "kernel_size": 1}]}
EMPTY = {"input": [8, 8, 1], "layers": []}


def start(visit: Visit) -> None:
    """The first screen."""
    visit.open()


def pipeline(visit: Visit) -> None:
    """A network with branches, its nodes coloured by a number, all maps of a layer shown."""
    visit.open("preset=unet&measure=macs&open=down2&layer=down2")


def sequences(visit: Visit) -> None:
    """Sequences, states and several outputs."""
    visit.open("preset=lstm")


def detail(visit: Visit) -> None:
    """A map, large."""
    visit.open("panel=map&layer=max_pooling2d&unit=1")
    expect(visit.tab.locator(".large-map-canvas")).to_be_visible()


def arithmetic(visit: Visit) -> None:
    """The terms of one value, all of them listed."""
    visit.open("panel=map&layer=conv2d&unit=1&element=5,7")
    expect(visit.tab.locator(".terms-result")).not_to_have_count(0, timeout=SLOW_MS)


def compare(visit: Visit) -> None:
    """A run beside the one that was pinned, with a channel switched off."""
    visit.open("panel=compare&layer=re_lu")
    visit.tab.get_by_role("button", name="Pin this run as A").click()
    channels = visit.tab.get_by_role("group", name=re.compile("re_lu: click a channel"))
    channels.get_by_role("button", name="channel 1").click()
    expect(visit.tab.locator(".difference")).not_to_have_count(0, timeout=SLOW_MS)


def explain(visit: Visit) -> None:
    """A map over the picture, and a warning in words."""
    visit.open("panel=explain")
    expect(visit.tab.locator(".overlay-map")).to_be_visible(timeout=SLOW_MS)


def diagnose(visit: Visit) -> None:
    """Findings over the samples."""
    visit.open("panel=diagnose")
    expect(visit.tab.locator(".finding, .rest")).not_to_have_count(0, timeout=SLOW_MS)


def editor(visit: Visit) -> None:
    """A layer that is edited."""
    visit.open("preset=residual&side=edit")
    visit.tab.locator(".layer-editor-name", has_text="stem").click()
    expect(visit.tab.get_by_label("kernel_size", exact=True)).to_be_visible()


def edited_wrongly(visit: Visit) -> None:
    """A field with what is wrong about it."""
    editor(visit)
    visit.tab.get_by_label("kernel_size", exact=True).fill("0")
    expect(visit.tab.locator(".field-problem")).to_be_visible()


def chooser(visit: Visit) -> None:
    """The window of networks."""
    visit.open()
    visit.tab.keyboard.press("n")
    expect(visit.tab.get_by_role("dialog")).to_be_visible()


def share(visit: Visit) -> None:
    """What is seen, as code."""
    visit.open()
    visit.tab.get_by_role("button", name="Copy as").click()
    expect(visit.tab.locator(".share-code")).to_contain_text("curl")


def shortcuts(visit: Visit) -> None:
    """The keys."""
    visit.open()
    visit.tab.keyboard.press("?")
    expect(visit.tab.get_by_role("dialog")).to_be_visible()


def settings(visit: Visit) -> None:
    """What is set once for the whole page."""
    visit.open()
    visit.tab.get_by_role("button", name="Settings").click()
    expect(visit.tab.get_by_label("Language")).to_be_visible()


def finding(visit: Visit) -> None:
    """Layers that are looked for by a part of their names."""
    visit.open("preset=residual")
    visit.tab.keyboard.press("/")
    visit.tab.keyboard.type("conv")
    expect(visit.tab.get_by_text("3 found")).to_be_visible()


def numbers(visit: Visit) -> None:
    """Numbers that are written, with what is wrong about them."""
    visit.open()
    visit.tab.get_by_role("button", name="Numbers …").click()
    visit.tab.get_by_role("textbox", name="Numbers for this input").fill("[1, 2")
    expect(visit.tab.get_by_text("This is no JSON of numbers.")).to_be_visible()


def key(visit: Visit) -> None:
    """The question for a key, of a service that wants one."""
    wanted = {"type": "about:blank", "title": "no", "status": 401, "detail": "no", "instance": "/", "errors": [],
              "code": "unauthorized", "request_id": ""}  # fmt: skip
    headers = {"Content-Type": "application/problem+json"}
    visit.tab.route("**/v1/**", lambda route: route.fulfill(status=401, headers=headers, body=json.dumps(wanted)))
    visit.tab.goto(visit.url)
    expect(visit.tab.get_by_role("dialog", name="This service wants a key")).to_be_visible()


def error(visit: Visit) -> None:
    """What the service refused, in its words."""
    visit.open()
    visit.tab.goto(f"{visit.url}/#document={quote(json.dumps(TOO_LARGE))}")
    expect(visit.tab.locator(".notice.wrong")).to_be_visible(timeout=SLOW_MS)


def empty(visit: Visit) -> None:
    """A network without layers."""
    visit.open()
    visit.tab.goto(f"{visit.url}/#document={quote(json.dumps(EMPTY))}")
    expect(visit.tab.get_by_text("The network has no layers yet")).to_be_visible(timeout=SLOW_MS)
    expect(visit.tab.locator(".notice.wrong")).to_have_count(0)


def gone(visit: Visit) -> None:
    """A service that does not answer."""
    visit.open()
    visit.tab.route("**/v1/**", lambda route: route.abort())
    visit.tab.get_by_role("button", name="Digit 3", exact=True).click()
    expect(visit.tab.get_by_role("alert").get_by_text("The service does not answer.")).to_be_visible()


STATES: dict[str, Callable[[Visit], None]] = {
    state.__name__: state
    for state in (
        start, pipeline, sequences, detail, arithmetic, compare, explain, diagnose, editor, edited_wrongly, chooser,
        share, shortcuts, settings, finding, numbers, key, error, empty, gone,
    )
}  # fmt: skip
