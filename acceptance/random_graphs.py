"""Random Functional graphs, saved by Keras in three ways and given back: every output has the bits of Keras' own.

Each model of `random_models` is registered as a `.keras` file, as `to_json()` with `.weights.h5` and as `to_json()`
with a .npz of `get_weights()` in order, and run on three rows. What `?as=keras` and `GET …/weights` give is loaded by
Keras again. Arguments: how many (500), the first number (0), the address of a running service (one is started).
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import keras
import numpy as np

from acceptance.live_service import running
from acceptance.random_models import random_inputs, random_model

Array = np.ndarray[Any, Any]


class Refused(Exception):
    """A reply of the service with another status."""


def registered(client: httpx.Client, **files: Any) -> None:
    """Register under one name."""
    reply = client.put("/v1/models/weights-random", files=files)
    if reply.status_code not in (200, 201):
        raise Refused(f"{reply.status_code} {reply.json()['detail']}: {reply.json().get('errors', '')}"[:400])


def outputs(client: httpx.Client, inputs: dict[str, Array]) -> list[Array]:
    """Return the outputs of the registered network, in Keras' order."""
    document = client.get("/v1/models/weights-random").json()
    file = io.BytesIO()
    np.savez(file, **inputs)
    reply = client.post(
        "/v1/models/weights-random/activations",
        params={"layers": ",".join(dict.fromkeys(document["outputs"])), "format": "npz"},
        content=file.getvalue(), headers={"Content-Type": "application/x-npz"},
    )  # fmt: skip
    if reply.status_code != 200:
        raise Refused(f"run: {reply.status_code} {reply.text[:400]}")
    tensors = np.load(io.BytesIO(reply.content))
    return [tensors[name] for name in document["outputs"]]


def expected(model: keras.Model, inputs: dict[str, Array]) -> list[Array]:
    """Return the same by Keras."""
    given = inputs if isinstance(model.input, dict) else list(inputs.values())
    return [np.asarray(one) for one in keras.tree.flatten(model(given, training=False))]


def in_order(model: keras.Model, path: Path) -> bytes:
    """Return the weights as a list."""
    np.savez(path, *model.get_weights())
    return path.read_bytes()


def ways(model: keras.Model, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the ways in which Keras saves a model, and the parts of the form."""
    model.save(folder / "m.keras")
    model.save_weights(folder / "m.weights.h5")
    json = model.to_json().encode()
    yield ".keras", {"weights": (folder / "m.keras").read_bytes()}
    yield "json + h5", {"model": json, "weights": (folder / "m.weights.h5").read_bytes()}
    yield "json + npz", {"model": json, "weights": in_order(model, folder / "m.npz")}


def given_back(client: httpx.Client, inputs: dict[str, Array]) -> list[Array]:
    """Return Keras' outputs of the network as it is given back, with the weights that are given back."""
    json = client.get("/v1/models/weights-random", params={"as": "keras"})
    weights = client.get("/v1/models/weights-random/weights", headers={"Accept": "application/x-npz"})
    if json.status_code != 200 or weights.status_code != 200:
        raise Refused(f"back: {json.status_code} {json.text[:300]} {weights.status_code}")
    model = keras.models.model_from_json(json.text)
    tensors = np.load(io.BytesIO(weights.content))
    try:
        model.set_weights([tensors[name] for name in tensors.files])
    except ValueError as error:
        raise Refused(f"back: {error}") from error
    return expected(model, inputs)


def verdict(received: list[Array], wanted: list[Array]) -> str:
    """Return `same`, or the difference."""
    if all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(received, wanted, strict=True)):
        return "same"
    if all(np.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(received, wanted, strict=True)):
        return "last bits"
    return "WRONG"


def check(client: httpx.Client, number: int, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each way and its verdict."""
    model = random_model(number)
    inputs = random_inputs(model, number)
    wanted = expected(model, inputs)
    for way, files in ways(model, folder):
        try:
            registered(client, **files)
            yield way, verdict(outputs(client, inputs), wanted)
            if way == "json + h5":
                yield "back", verdict(given_back(client, inputs), wanted)
        except Refused as refusal:
            yield way, f"refused: {refusal}"


@contextmanager
def client_of(address: str | None, folder: str) -> Iterator[httpx.Client]:
    """Yield a client of a running service, or of one that is started."""
    if address:
        with httpx.Client(base_url=address, timeout=120) as client:
            yield client
    else:
        with running(Path(folder) / "data") as service:
            yield service.client


def main() -> None:
    """Print every graph that is not as Keras has it, and the counts."""
    count, first = (int(word) for word in [*sys.argv[1:3], *("500", "0")[min(2, len(sys.argv) - 1) :]])
    found: Counter[tuple[str, str]] = Counter()
    with TemporaryDirectory() as folder, client_of(*sys.argv[3:4] or [None], folder) as client:
        for number in range(first, first + count):
            for way, what in check(client, number, Path(folder)):
                found[way, what.partition(":")[0]] += 1
                if what != "same":
                    print(f"{number:5} {way:10} {what}", flush=True)
            keras.backend.clear_session()
    for (way, what), times in sorted(found.items()):
        print(f"{way:10} {what:10} {times}")
    sys.exit(any(what != "same" for _, what in found))


if __name__ == "__main__":
    main()
