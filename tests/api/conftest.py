"""Fixtures that decode arrays, weights and problem documents from responses."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Server

DIGIT = Path(__file__).parents[2] / "examples" / "digit.png"
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Reply:
    """The JSON body of a run or a plan, indexed by layer address."""

    body: dict[str, Any]

    def layer(self, address: str) -> dict[str, Any]:
        """Return the entry of one layer."""
        (row,) = [row for row in self.body["layers"] if row["address"] == address]
        return dict(row)

    def addresses(self) -> list[str]:
        """Return the addresses of all layers, in order."""
        return [row["address"] for row in self.body["layers"]]

    def shape(self, address: str) -> tuple[int | None, ...]:
        """Return a layer's output shape; None is a free dimension."""
        return tuple(self.layer(address)["shape"])

    def parameters(self, address: str) -> int:
        """Return a layer's `count_params()`."""
        return int(self.layer(address)["parameters"])

    def array(self, address: str) -> Array:
        """Return a layer's output."""
        return decoded(self.layer(address))

    def weights(self, address: str) -> dict[str, Array]:
        """Return a layer's weights by name, in the order of `get_weights()`."""
        return {row["name"]: decoded(row) for row in self.layer(address)["weights"]}

    def weight_shapes(self, address: str) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a layer's weights."""
        return {name: weight.shape for name, weight in self.weights(address).items()}


def decoded(row: dict[str, Any]) -> Array:
    """Decode the array of `{"shape", "dtype", "base64"}`."""
    return np.frombuffer(base64.b64decode(row["base64"]), row["dtype"]).reshape(row["shape"])


def encoded(value: Any) -> Any:
    """Encode arrays, also those nested in dicts, as `{"shape", "dtype", "base64"}`; return other values unchanged."""
    if isinstance(value, dict):
        return {name: encoded(item) for name, item in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return {"shape": list(value.shape), "dtype": value.dtype.name, "base64": data}


@pytest.fixture(scope="session")
def run(server: Server) -> Callable[..., Reply]:
    """`run(model, inputs, **options)`: `POST /v1/activations` with every bit of every layer and weight."""

    def post(model: Any, inputs: Any, **options: Any) -> Reply:
        return Reply(server.run(model, encoded(inputs), **{"data": "base64", "weights": True, **options}))

    return post


@pytest.fixture(scope="session")
def plan(server: Server) -> Callable[..., Reply]:
    """`plan(model, **options)`: `POST /v1/plan`."""
    return lambda model, **options: Reply(server.plan(model, **options))


@pytest.fixture(scope="session")
def refusal(server: Server) -> Callable[..., list[dict[str, Any]]]:
    """`refusal(model)`: the problems of a document that must be rejected with a 422."""

    def post(model: Any) -> list[dict[str, Any]]:
        reply = server.post("/v1/plan", json={"model": model})
        assert reply.status_code == 422, reply.text[:2000]
        assert reply.headers["content-type"] == "application/problem+json"
        return list(reply.json()["errors"])

    return post


@pytest.fixture(scope="session")
def digit_png() -> bytes:
    """The tutorials' image of a digit as a PNG file: 28 by 28 pixels, grayscale."""
    return DIGIT.read_bytes()


@pytest.fixture(scope="session")
def digit() -> Array:
    """The image as the tutorials feed it to layers: (1, 28, 28, 1) float32, 0…255."""
    with Image.open(DIGIT) as image:
        return np.asarray(image, np.float32)[np.newaxis, ..., np.newaxis]


@pytest.fixture(scope="session")
def dialogue() -> Callable[..., httpx.Response]:
    """`dialogue(server, *pieces)`: the response to raw bytes on a connection, which the server must then close."""

    def exchange(server: Any, *sent: bytes) -> httpx.Response:
        url = server.client.base_url
        with socket.create_connection((url.host, url.port), timeout=30) as connection:
            for piece in sent:
                connection.sendall(piece)
            received = b""
            while piece := connection.recv(65536):
                received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        return httpx.Response(
            int(first.split()[1]), headers=[tuple(line.split(": ", 1)) for line in lines], content=body
        )

    return exchange
