"""Every network of keras.applications through `to_json()` and uploaded weights: every layer against Keras' own.

Each is made by Keras with random weights at the smallest square input its constructor takes, registered with the
weights that Keras saves, and run on one random image; every layer's activation is compared with that of Keras' model
of all layers. Arguments: names of networks; all of them when there are none.
"""

from __future__ import annotations

import gc
import inspect
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from safetensors.numpy import load, save

from acceptance.live_service import Service, relative_error, running

TOLERANCE = 1e-5
LARGEST_SIDE = 331
Tensors = Mapping[str, np.ndarray]
SAFETENSORS = "application/vnd.safetensors"


def constructors() -> dict[str, Any]:
    """Return every network of keras.applications by name."""
    found = inspect.getmembers(keras.applications, inspect.isfunction)
    return {name: make for name, make in found if "include_top" in inspect.signature(make).parameters}


def smallest(make: Any) -> tuple[keras.Model, int]:
    """Return a network at the smallest square input that its constructor takes, and its side in pixels."""
    for side in range(1, LARGEST_SIDE + 1):
        try:
            return make(weights=None, input_shape=(side, side, 3)), side
        except ValueError:
            continue
    raise SystemExit(f"{make.__name__} takes no square input")


def register(service: Service, model: keras.Model, folder: Path) -> None:
    """Register a network with the weights that Keras saves."""
    path = folder / "model.weights.h5"
    model.save_weights(path)
    with path.open("rb") as file:
        reply = service.client.put("/v1/models/network", files={"model": model.to_json(), "weights": file})
    if reply.status_code not in (200, 201):
        raise SystemExit(reply.text)


def received(service: Service, image: np.ndarray) -> dict[str, np.ndarray]:
    """Return every layer's activation."""
    reply = service.client.post("/v1/models/network/activations?layers=**", content=save({"input": image}),
                                headers={"content-type": SAFETENSORS, "accept": SAFETENSORS})  # fmt: skip
    if reply.status_code != 200:
        raise SystemExit(reply.text)
    return {address: value for address, value in load(reply.content).items() if address != "input"}


def expected(model: keras.Model, value: Any, prefix: str = "", compiled: bool = False) -> dict[str, np.ndarray]:
    """Return the same by Keras: layers, operations, and nested models with their layers; called, or `compiled`."""
    operations = [operation for operation in model.operations if not isinstance(operation, keras.layers.InputLayer)]
    tensors = [tensor for operation in operations for tensor in (operation.input, operation.output)]
    every = keras.Model(model.inputs, tensors)
    values = every.predict_on_batch(value) if compiled else every(value)
    found: dict[str, np.ndarray] = {}
    for operation, given, made in zip(operations, values[::2], values[1::2], strict=True):
        found[prefix + operation.name] = np.asarray(made)
        if isinstance(operation, keras.Model):
            inner = operation._functional if isinstance(operation, keras.Sequential) else operation
            found |= expected(inner, given, f"{prefix}{operation.name}/", compiled)
    return found


def errors_of(ours: Tensors, theirs: Tensors) -> dict[str, float]:
    """Return the largest relative error of each layer that both have."""
    return {layer: relative_error(ours[layer], value) for layer, value in theirs.items() if layer in ours}


def explain(
    name: str, ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], again: dict[str, np.ndarray]
) -> None:
    """Print how far Keras is from itself, where a network with random weights amplifies every rounding."""
    itself, us = max(errors_of(again, theirs).values()), max(errors_of(ours, again).values())
    print(f"  {name}: predict_on_batch of Keras is {itself:.1e} from its own call, and {us:.1e} from ours", flush=True)


def compare(service: Service, name: str, make: Any) -> bool:
    """Print one row of the table; returns whether every layer is within the tolerance."""
    started = time.perf_counter()
    model, side = smallest(make)
    image = np.random.default_rng(0).uniform(-1, 1, (1, side, side, 3)).astype("f4")
    with TemporaryDirectory() as folder:
        register(service, model, Path(folder))
    ours, theirs = received(service, image), expected(model, image)
    errors = errors_of(ours, theirs)
    worst = max(errors, key=lambda layer: errors[layer])
    complete = errors.keys() == theirs.keys() == ours.keys() and np.isfinite(list(errors.values())).all()
    passed = complete and errors[worst] <= TOLERANCE
    row = [name, side, f"{model.count_params():,}", f"{len(errors)} of {len(theirs)}", f"{errors[worst]:.1e}", worst,
           f"{time.perf_counter() - started:.0f}", "yes" if passed else "NO"]  # fmt: skip
    print(f"| {' | '.join(map(str, row))} |", flush=True)
    if not passed:
        explain(name, ours, theirs, expected(model, image, compiled=True))
    service.client.delete("/v1/models/network")
    return passed


def main() -> None:
    """Print a table in Markdown; exit with 1 when a row does not pass."""
    known = constructors()
    names = sys.argv[1:] or list(known)
    print("| network | pixels | parameters | layers compared | largest relative error | at | seconds | passes |")
    print("|---|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder, running(Path(folder), DEADLINE="300", MAX_WEIGHTS="4GiB") as service:
        results = []
        for name in names:
            results.append(compare(service, name, known[name]))
            keras.utils.clear_session()
            gc.collect()
    print(f"{sum(results)} of {len(results)} pass; relative error is max|a - b| / max|b| of a layer's output")
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
