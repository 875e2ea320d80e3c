"""What the page takes: `PYTHONPATH=. .venv/bin/python -m benchmarks.page` prints a table.

Run nothing else at the same time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from benchmarks.browsing import chromium, service
from benchmarks.page_memory import memory
from benchmarks.tables import header, row

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROUNDS = 5
WAIT_MS = 300_000
QUIET_MS = 1500
"""Nothing was drawn for so long: all that is in view is there."""
WINDOW = {"width": 1440, "height": 900}
MAPS = 10_000
WATCH = """
    window.drawn = []
    const put = CanvasRenderingContext2D.prototype.putImageData
    CanvasRenderingContext2D.prototype.putImageData = function (...given) {
        put.apply(this, given)
        if (this.canvas.closest('.map-tile') !== null) requestAnimationFrame(() => window.drawn.push(performance.now()))
    }
"""
"""Notes when a map of a layer comes to the screen, in milliseconds since the page was asked for."""
SCROLL = """async () => {
    const main = document.querySelector('main')
    const frames = []
    let last = await new Promise(requestAnimationFrame)
    while (main.scrollTop + main.clientHeight < main.scrollHeight - 1) {
        main.scrollTop += 60
        const now = await new Promise(requestAnimationFrame)
        frames.push(now - last)
        last = now
    }
    return frames
}"""
MOBILENET = {"application": "MobileNetV2", "weights": None}
MANY = {
    "input": [28, 28, 1], "scale": "unit",
    "layers": [{"type": "Conv2D", "name": "many", "filters": MAPS, "kernel_size": 3, "padding": "same"}],
}  # fmt: skip
LARGE = {"application": "NASNetLarge", "weights": None}


def opened(browser: Browser, url: str) -> Page:
    """The page in a new tab with an empty cache, its drawing noted; waiting needs scripts that the policy forbids."""
    tab = browser.new_context(viewport=WINDOW, bypass_csp=True).new_page()  # type: ignore[arg-type]
    tab.set_default_timeout(WAIT_MS)
    tab.add_init_script(WATCH)
    tab.goto(url)
    return tab


def address(url: str, document: Any, more: str = "") -> str:
    """The page on a document."""
    return f"{url}/#document={quote(json.dumps(document))}{more}"


def until_drawn(tab: Page, after: float = 0) -> tuple[float, float]:
    """Milliseconds from a moment to the first map that was drawn, and to the last; waits until nothing is drawn."""
    tab.wait_for_function("after => drawn.some(at => at > after)", arg=after)
    tab.wait_for_function(f"performance.now() - drawn.at(-1) > {QUIET_MS}")
    times = [at for at in tab.evaluate("drawn") if at > after]
    return times[0] - after, times[-1] - after


def first_screen(browser: Browser, url: str) -> dict[str, str]:
    """What `/` loads, and when its first maps are on the screen."""
    until_drawn(opened(browser, url))  # the first of all builds the network
    firsts, sizes = [], []
    for _ in range(ROUNDS):
        tab = opened(browser, "about:blank")
        received = sent_bytes(tab)
        tab.goto(url)
        firsts.append(until_drawn(tab)[0])
        sizes.append(sum(received))
        used = memory(browser, tab)
        tab.context.close()
    return {
        "`/`: all that it loads, kB as sent": f"{median(sizes) / 1000:.0f}",
        "`/`: first maps on the screen, s": f"{median(firsts) / 1000:.2f}",
        "`/`: memory of the tab, MB of JavaScript and of the process": used,
    }


def sent_bytes(tab: Page) -> list[int]:
    """The sizes of all that the tab loads from now on, as they are on the wire."""
    sizes: list[int] = []
    session = tab.context.new_cdp_session(tab)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    return sizes


def application(browser: Browser, url: str) -> dict[str, str]:
    """MobileNetV2 from the run to its maps: known to the service, on another picture each time."""
    tab = opened(browser, address(url, MOBILENET))
    until_drawn(tab)
    times = []
    for digit in range(ROUNDS):
        now = tab.evaluate("performance.now()")
        tab.get_by_role("button", name=f"Digit {digit}", exact=True).click()
        times.append(until_drawn(tab, now))
    used = memory(browser, tab)
    tab.context.close()
    firsts, lasts = zip(*times, strict=True)
    return {
        "MobileNetV2 at 224×224: from the run to the first maps, s": f"{median(firsts) / 1000:.2f}",
        "MobileNetV2 at 224×224: to all that are in view, s": f"{median(lasts) / 1000:.2f}",
        "MobileNetV2: memory of the tab": used,
    }


def many_maps(browser: Browser, url: str) -> dict[str, str]:
    """Frames while 10,000 maps scroll by, 60 pixels a frame; they are fetched on the way."""
    tab = opened(browser, address(url, MANY, "&open=many"))
    until_drawn(tab)
    frames = tab.evaluate(SCROLL)
    until_drawn(tab)
    used = memory(browser, tab)
    tab.context.close()
    late = sum(one > 50 for one in frames) / len(frames)
    return {
        "10,000 maps: frames a second while they scroll by": f"{1000 / median(frames):.0f}",
        "10,000 maps: frames that took more than 50 ms; the longest, ms": f"{late:.1%}; {max(frames):.0f}",
        "10,000 maps: memory of the tab": used,
    }


def large_graph(browser: Browser, url: str) -> dict[str, str]:
    """NASNetLarge from opening its address to its graph; the run is held back."""
    tab = opened(browser, "about:blank")
    tab.route("**/activations", lambda _: None)
    tab.goto(address(url, LARGE))
    tab.wait_for_selector(".network-totals li")
    planned = tab.evaluate("performance.now()")
    tab.wait_for_selector(".diagram-node")
    laid = tab.evaluate("performance.now()")
    nodes = tab.locator(".diagram-node").count()
    tab.context.close()
    fold, unfold = folded(browser, url)
    return {
        f"NASNetLarge, {nodes - 1:,} layers: read by the service, s": f"{planned / 1000:.1f}",
        "NASNetLarge: laid out and drawn after that, s": f"{(laid - planned) / 1000:.1f}",
        "NASNetLarge as one block: folded, and unfolded again, s": f"{fold:.1f}; {unfold:.1f}",
    }


def folded(browser: Browser, url: str) -> tuple[float, float]:
    """Seconds until a network that is a block is one node, and until it is drawn again layer by layer."""
    tab = opened(browser, "about:blank")
    tab.route("**/activations", lambda _: None)
    tab.goto(url)
    tab.get_by_role("button", name="Change").click()
    file = {"name": "block.json", "mimeType": "application/json", "buffer": json.dumps(in_block(url)).encode()}
    tab.locator('dialog input[type="file"]').set_input_files(file)  # type: ignore[arg-type]
    tab.wait_for_selector(".diagram-node")
    begun = tab.evaluate("performance.now()")
    tab.get_by_role("button", name="Fold all").click()
    tab.wait_for_selector(".chain-node")
    alone = tab.evaluate("performance.now()")
    tab.get_by_role("button", name="Unfold all").click()
    tab.wait_for_selector(".diagram-node")
    last = tab.evaluate("performance.now()")
    tab.context.close()
    return (alone - begun) / 1000, (last - alone) / 1000


def in_block(url: str) -> dict[str, Any]:
    """NASNetLarge as a document whose only layer is a block of all its layers."""
    httpx.put(f"{url}/v1/models/large", json=LARGE, timeout=300).raise_for_status()
    document = httpx.get(f"{url}/v1/models/large", params={"as": "document"}).raise_for_status().json()
    (name, spec), *_ = document["input"].items() if isinstance(document["input"], dict) else [("input", None)]
    text = json.dumps(document["layers"]).replace(f'"inputs": ["{name}"]', '"inputs": ["input"]')
    block = {"type": "Block", "name": "all", "layers": json.loads(text)}
    return {"input": document["input"] if spec is None else spec, "layers": [block]}


PARTS: tuple[Callable[[Browser, str], dict[str, str]], ...] = (first_screen, application, many_maps, large_graph)


def main() -> None:
    """Measures each part in a browser of its own, and prints."""
    sys.stdout.write(header(["", ""]))
    with service() as url:
        for part in PARTS:
            with chromium() as browser:
                for name, figure in part(browser, url).items():
                    sys.stdout.write(row([name, figure]))
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
