"""Ten networks that nothing was tuned for: every address over HTTP against Keras with the weights of the same reply."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import keras
import numpy as np
from keras import layers
from safetensors.numpy import load

from acceptance import keras_reference
from acceptance.graph_models import GRAPHS
from acceptance.live_service import relative_error, running

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-5
"""Of max|a - b| / max|b|, a tensor at a time: float32 has 6e-8 a step, and sums are taken in another order."""
FLOAT16_TOLERANCE = 2e-3
"""float16 rounds by up to 4.9e-4 at every operation, and a compiled graph may round at other places than Keras: four
such roundings.
"""


@dataclass(frozen=True)
class Reply:
    """Tensors by address, and weights by the path of their layer in Keras' order."""

    tensors: dict[str, Array]
    order: list[str]
    """The names as the file has them."""

    def activations(self) -> dict[str, Array]:
        """Return the tensors of layers, in the order of the file."""
        return {name: self.tensors[name] for name in self.order if not name.startswith("weights/")}

    def weights_of(self, path: str) -> list[Array]:
        """Return the argument of `set_weights` of one layer."""
        return [self.tensors[name] for name in self.order if name.startswith(f"weights/{path}/")]


def asked(client: httpx.Client, model: keras.Model, inputs: Sequence[Array], layers: Sequence[str]) -> Reply:
    """Return tensors and weights of a model sent as its own JSON, as safetensors."""
    file = io.BytesIO()
    np.savez(file, **dict(zip(input_names(model), inputs, strict=True)))
    parts = {"model": model.to_json().encode(), "tensor": file.getvalue()}
    fields = {"layers": ",".join(layers), "weights": "true", "format": "safetensors"}
    reply = client.post("/v1/activations", files=parts, data=fields)
    if reply.status_code != 200:
        raise SystemExit(f"{reply.status_code}: {reply.text[:2000]}")
    length = int.from_bytes(reply.content[:8], "little")
    order = [name for name in json.loads(reply.content[8 : 8 + length]) if name != "__metadata__"]
    return Reply(load(reply.content), order)


def input_names(model: keras.Model) -> list[str]:
    """Return the names of the inputs."""
    return [tensor._keras_history.operation.name for tensor in keras_reference.graph_of(model).inputs]


def random_inputs(model: keras.Model) -> list[Array]:
    """Return three rows."""
    random = np.random.default_rng(7)
    return [random.normal(0.2, 1, (3, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]


def compared(graph: str, reply: Reply, expected: dict[str, Array], tolerance: float) -> bool:
    """Print a line for every address; returns whether they are Keras', with Keras' shapes, dtypes and values."""
    found = reply.activations()
    worst = 0.0
    for address in found:
        worst = max(worst, line(graph, address, found[address], expected.get(address)))
    missing = sorted(expected.keys() - found.keys())
    good = worst <= tolerance and not missing
    print(f"{graph:20} {len(found)} addresses, largest relative error {worst:.2e}, tolerance {tolerance:.0e}: "
          f"{'agrees' if good else f'DIFFERS, missing {missing}'}", flush=True)  # fmt: skip
    return good


def line(graph: str, address: str, found: Array, expected: Array | None) -> float:
    """Print one comparison; returns the relative error, infinite where there is nothing to compare."""
    what = f"{graph:20} {address:45} {found.shape!s:18} {found.dtype!s:8}"
    if expected is None or (found.shape, found.dtype) != (expected.shape, expected.dtype):
        print(what, "Keras has", "no such tensor" if expected is None else f"{expected.shape} {expected.dtype}")
        return float("inf")
    absolute, relative = float(np.abs(found.astype("f8") - expected).max()), relative_error(found, expected)
    print(f"{what} {absolute:9.2e} {relative:9.2e}")
    return float("inf") if np.isnan(relative) else relative


def check_graph(client: httpx.Client, model: keras.Model, graph: str, tolerance: float) -> bool:
    """Check every address of one model, `:pre` and the results of inner models included."""
    inputs = random_inputs(model)
    names = list(keras_reference.activations(model, inputs))
    reply = asked(client, model, inputs, names)
    keras_reference.set_weights(model, reply.weights_of)
    return compared(graph, reply, keras_reference.activations(model, inputs), tolerance)


def check_every_layer(client: httpx.Client, model: keras.Model, graph: str) -> bool:
    """Check that `**` gives exactly the tensors that Keras has: no address is left out of the comparison."""
    inputs = random_inputs(model)
    found = set(asked(client, model, inputs, ["**"]).activations())
    expected = {name for name in keras_reference.activations(model, inputs) if not name.endswith(":pre")}
    expected -= set(input_names(model))
    if found != expected:
        print(f"{graph:20} only in the service: {sorted(found - expected)}, only in Keras: {sorted(expected - found)}")
    return found == expected


def check_pre(client: httpx.Client) -> bool:
    """Check that `conv:pre` under three activations is Conv2D with activation=None and the same weights."""
    good = True
    for activation in ("relu", "softmax", "gelu"):
        x = keras.Input((9, 9, 2), name="image")
        conv = layers.Conv2D(5, 3, activation=activation, bias_initializer="random_normal", name="conv")
        model = keras.Model(x, conv(x))
        inputs = random_inputs(model)
        reply = asked(client, model, inputs, ["conv:pre"])
        plain = layers.Conv2D(5, 3, activation=None)
        plain(inputs[0])
        plain.set_weights(reply.weights_of("conv"))
        good &= compared(f"pre {activation}", reply, {"conv:pre": np.asarray(plain(inputs[0]))}, TOLERANCE)
    return good


def check_calls(client: httpx.Client) -> bool:
    """Check that the calls of a shared layer differ where their inputs do."""
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    shared = layers.Dense(3, activation="tanh", name="shared")
    model = keras.Model([left, right], layers.Subtract(name="difference")([shared(left), shared(right)]))
    inputs = random_inputs(model)
    reply = asked(client, model, inputs, ["shared@0", "shared@1"])
    kernel, bias = reply.weights_of("shared")
    expected = {f"shared@{n}": np.tanh(value @ kernel + bias) for n, value in enumerate(inputs)}
    apart = float(np.abs(reply.tensors["shared@0"] - reply.tensors["shared@1"]).max())
    print(f"{'calls':20} shared@0 and shared@1 lie {apart:.2e} apart")
    return compared("calls", reply, expected, TOLERANCE) and apart > 0.1


def check_states(client: httpx.Client) -> bool:
    """Check that `lstm#0` is the sequence, `lstm#1` its last step, `lstm#2` the carry."""
    x = keras.Input((6, 3), name="steps")
    lstm = layers.LSTM(4, return_sequences=True, return_state=True, name="lstm")
    model = keras.Model(x, lstm(x))
    inputs = random_inputs(model)
    reply = asked(client, model, inputs, ["lstm#0", "lstm#1", "lstm#2"])
    lstm.set_weights(reply.weights_of("lstm"))
    expected = {f"lstm#{n}": np.asarray(value) for n, value in enumerate(lstm(inputs[0]))}
    is_last = np.array_equal(reply.tensors["lstm#0"][:, -1], reply.tensors["lstm#1"])
    return compared("states", reply, expected, TOLERANCE) and is_last


def main() -> None:
    """Exit with 1 where anything differs."""
    print("graph, address, shape, dtype, max|a - b|, max|a - b| / max|b|")
    with TemporaryDirectory() as folder, running(Path(folder)) as service:
        good = True
        for make in GRAPHS:
            keras.utils.set_random_seed(1)
            name, model = make.__name__, make()
            tolerance = FLOAT16_TOLERANCE if name == "mixed_float16" else TOLERANCE
            good &= check_graph(service.client, model, name, tolerance)
            good &= check_every_layer(service.client, model, name)
        for check in (check_pre, check_calls, check_states):
            good &= check(service.client)
    print("Everything agrees." if good else "Something differs.")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
