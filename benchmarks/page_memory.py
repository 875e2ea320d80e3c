"""What a tab takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.processes import memory as resident

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def memory(browser: Browser, tab: Page) -> str:
    """MB of the tab's JavaScript after garbage was collected, and of the largest process that draws pages."""
    session = tab.context.new_cdp_session(tab)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    drawing = max(resident(one["id"]) for one in processes if one["type"] == "renderer")
    return f"{metrics['JSHeapUsedSize'] / 1e6:.0f}; {drawing * 2**20 / 1e6:.0f}"
