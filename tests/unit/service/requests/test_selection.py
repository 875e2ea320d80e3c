"""Long searches of selectors must not block the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from models.networks.expansion import expand
from models.networks.network import Network
from models.networks.selectors import select
from models.reading.parse import parse_document
from service.requests.selection import THREAD_CHARACTERS, THREAD_NODES, selection_of


def network(layers: int) -> Network:
    """Build a chain of activations."""
    return expand(parse_document({"input": [4], "layers": [{"type": "ReLU"}] * layers}))


SMALL, LARGE = network(3), network(THREAD_NODES + 1)
LONG = "*" * (THREAD_CHARACTERS + 1)


@pytest.mark.parametrize(
    ("of", "layers", "views", "apart"),
    [
        (SMALL, None, {}, False),
        (SMALL, ["re_lu", "*"], {"slice": "0", "top": 1, "dtype": {"*": "float16"}, "reduce": None}, False),
        (LARGE, None, {}, True),
        (LARGE, ["re_lu"], {}, True),
        (SMALL, [LONG], {}, True),
        (SMALL, None, {"slice": {LONG: "0"}}, True),
        (SMALL, None, {"slice": f'{{"{LONG}": "0"}}'}, True),
    ],
)
def test_long_searches_run_on_a_thread(
    of: Network, layers: list[str] | None, views: dict[str, Any], apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those in a large network, or with long selectors; others are faster than starting a thread."""
    threads: list[threading.Thread] = []

    def noted(network: Network, selectors: Sequence[str] | None) -> tuple[str, ...]:
        threads.append(threading.current_thread())
        return select(network, selectors)

    monkeypatch.setattr("service.requests.selection.select", noted)
    outputs, found = asyncio.run(selection_of(of, layers, views))
    assert outputs == select(of, layers)
    assert set(found) == (set(outputs) if views else set())
    assert [thread is not threading.current_thread() for thread in threads] == [apart]
