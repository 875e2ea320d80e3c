"""Fixtures of the tracer's tests: a traced model on the real server, beside the model itself."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import keras
import numpy as np
import pytest
from layerscope_client import AsyncLayerscope, Layerscope
from layerscope_client.keras import traced

from tests.api.conftest import encoded

if TYPE_CHECKING:
    from tests.conftest import Server

Array = np.ndarray[Any, Any]


@dataclass
class Served:
    """A model that was traced and registered: its document, and runs of it."""

    server: Server
    document: dict[str, Any]
    weights: dict[str, Array]

    def run(self, inputs: Any, *layers: str) -> dict[str, Array]:
        """Return arrays by address; of every layer if none are named."""
        asked = {"layers": list(layers)} if layers else {}
        headers = {"Accept": "application/x-npz"}
        path = "/v1/models/traced/activations"
        reply = self.server.post(path, json={"inputs": encoded(inputs), **asked}, headers=headers)
        assert reply.status_code == 200, reply.text[:2000]
        return dict(np.load(io.BytesIO(reply.content)))

    def outputs(self, inputs: Any) -> list[Array]:
        """Return the outputs of the model."""
        addresses = self.document["outputs"]
        arrays = self.run(inputs, *dict.fromkeys(addresses))
        return [arrays[address] for address in addresses]

    def parameters(self) -> int:
        """Return the number of the numbers in its weights."""
        return sum(array.size for array in self.weights.values())

    def block(self, *names: str) -> dict[str, Any]:
        """Return a layer of the document by its name, inside others if several are given."""
        layers = self.document["layers"]
        for name in names:
            (found,) = [layer for layer in layers if layer["name"] == name]
            layers = found.get("layers", [])
        return dict(found)


@pytest.fixture(scope="session")
def serve(server: Server) -> Callable[..., Served]:
    """`serve(model, inputs=None)`: trace a model and register it with its weights."""

    def put(model: keras.Model, inputs: Any = None) -> Served:
        document, weights = traced(model, inputs)
        buffer = io.BytesIO()
        np.savez(buffer, **weights)
        files = {"model": ("model.json", json.dumps(document)), "weights": ("weights.npz", buffer.getvalue())}
        reply = server.client.put("/v1/models/traced", files=files if weights else {"model": files["model"]})
        assert reply.status_code in {200, 201}, reply.text[:2000]
        return Served(server, document, weights)

    return put


@pytest.fixture(scope="session")
def agree(serve: Callable[..., Served]) -> Callable[..., Served]:
    """`agree(model, *arrays, inputs=None, tolerance=0)`: serve a model, and compare every output with Keras' own on
    arrays: bit by bit or, with a tolerance, as a part of the largest number.
    """

    def compare(model: keras.Model, batch: Any, inputs: Any = None, tolerance: float = 0) -> Served:
        served = serve(model, inputs)
        arrays = keras.tree.flatten(batch)
        sent = arrays[0] if len(arrays) == 1 else dict(zip(served.document["input"], arrays, strict=True))
        expected = [np.asarray(result) for result in keras.tree.flatten(model(batch, training=False))]
        for ours, theirs in zip(served.outputs(sent), expected, strict=True):
            limit = tolerance * np.abs(theirs.astype("float64")).max() if tolerance else 0
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=limit, strict=True)
        return served

    return compare


@pytest.fixture
def sent() -> list[bytes]:
    """The bodies of what is sent."""
    return []


@pytest.fixture
def ls(server: Server, sent: list[bytes]) -> Iterator[Layerscope]:
    """A client that waits, and notes what it sends."""
    client = httpx.Client(event_hooks={"request": [lambda request: sent.append(request.read())]})
    with client, Layerscope(server.url, client=client) as service:
        yield service


@pytest.fixture
async def als(server: Server) -> AsyncIterator[AsyncLayerscope]:
    """A client that is awaited."""
    async with AsyncLayerscope(server.url) as service:
        yield service


@pytest.fixture
def rows() -> Array:
    """Four rows of six numbers."""
    return np.random.default_rng(5).normal(size=(4, 6)).astype("float32")


@pytest.fixture
def sequences() -> Array:
    """Four sequences of five steps with six numbers."""
    return np.random.default_rng(6).normal(size=(4, 5, 6)).astype("float32")


@pytest.fixture
def ids() -> Array:
    """Four sequences of five ids below ten; 0 is padding."""
    return np.array([[3, 1, 4, 1, 0], [5, 9, 0, 0, 0], [2, 6, 5, 3, 5], [8, 9, 7, 0, 0]], "int32")
