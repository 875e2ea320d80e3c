"""Fixtures of the Python client: one of each kind on the real server, and a small registered network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from layerscope_client import AsyncLayerscope, Layerscope, Model
from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Server

DIGIT = Path(__file__).parents[2] / "examples" / "digit.png"
DOCUMENT: dict[str, Any] = {
    "input": [28, 28, 1],
    "layers": [
        {"type": "Conv2D", "filters": 4, "kernel_size": 3, "activation": "relu", "name": "conv"},
        {"type": "BatchNormalization", "name": "norm"},
        {"type": "Flatten", "name": "flat"},
        {"type": "Dense", "units": 10, "activation": "softmax", "name": "head"},
    ],
}
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="session")
def ls(server: Server) -> Iterator[Layerscope]:
    """A client that waits."""
    with Layerscope(server.url) as client:
        yield client


@pytest.fixture
async def als(server: Server) -> AsyncIterator[AsyncLayerscope]:
    """A client that is awaited."""
    async with AsyncLayerscope(server.url) as client:
        yield client


@pytest.fixture(scope="module")
def model(ls: Layerscope) -> Model:
    """The network of DOCUMENT, registered as `client` anew for each file: others on the same server remove models."""
    return ls.put("client", DOCUMENT)


@pytest.fixture(scope="session")
def digit() -> Array:
    """The picture of a digit as its pixels: (28, 28) uint8."""
    with Image.open(DIGIT) as image:
        return np.asarray(image)
