"""Demand of each client: the seconds of work that it asked for lately, whether it got them or was refused."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from heapq import nlargest
from operator import itemgetter

WINDOW_SECONDS = 0.5
"""Demand is counted over one to two of these."""
MODEST_SHARE = 0.75
"""Share of the average demand below which a client is modest: the demands of those that send alike differ by chance."""
MAX_CLIENTS = 4096
"""Bound of the clients that are counted in a window; the more demanding half stays when another one comes."""


@dataclass
class Window:
    """Seconds of work by client that were asked for in one window."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    total: float = 0.0

    def add(self, client: str, seconds: float) -> None:
        """Count work of one client."""
        if client not in self.seconds and len(self.seconds) >= MAX_CLIENTS:
            largest = nlargest(MAX_CLIENTS // 2, self.seconds.items(), key=itemgetter(1))
            self.seconds = defaultdict(float, largest)
        self.seconds[client] += seconds
        self.total += seconds


class Demand:
    """Seconds of work by client, in the present and the previous window."""

    def __init__(self) -> None:
        self._windows = (Window(), Window())
        self._since = 0.0
        """When the present window began, by the loop's clock."""

    def add(self, client: str, seconds: float) -> None:
        """Count work that a client asks for."""
        self._present()[1].add(client, seconds)

    def is_modest(self, client: str) -> bool:
        """Whether a client asks for clearly less than the clients do on average."""
        windows = self._present()
        own = sum(window.seconds.get(client, 0.0) for window in windows)
        clients = max(len(window.seconds) for window in windows)
        return own * clients < MODEST_SHARE * sum(window.total for window in windows)

    def _present(self) -> tuple[Window, Window]:
        """Return the previous and the present window, after beginning another one if it is time."""
        now = asyncio.get_running_loop().time()
        if now - self._since > WINDOW_SECONDS:
            is_next = now - self._since <= 2 * WINDOW_SECONDS
            self._windows = (self._windows[1] if is_next else Window(), Window())
            self._since = now
        return self._windows
