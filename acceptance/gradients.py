"""Gradients of many graphs against a GradientTape on the Keras model, at every address, and finite differences."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import keras
import numpy as np
import tensorflow as tf
from safetensors.numpy import load

from acceptance import keras_reference
from acceptance.graph_models import GRAPHS, three_dimensions
from acceptance.graphs import FLOAT16_TOLERANCE, TOLERANCE, input_names, random_inputs
from acceptance.live_service import relative_error, running
from acceptance.random_models import random_model

Array = np.ndarray[Any, Any]
DRAWN = 60
"""Random graphs beside those of `graph_models` and the example of every layer."""
PLACES, STEP = 20, 1e-6
"""Places of finite differences, and their step."""


class Checked(NamedTuple):
    """One graph: addresses compared, and the largest relative error."""

    name: str
    addresses: int
    error: float
    tolerance: float

    @property
    def is_good(self) -> bool:
        """Whether every gradient is Keras'."""
        return self.addresses > 0 and self.error <= self.tolerance


def expected_gradients(model: keras.Model, inputs: Sequence[Array]) -> dict[str, Array]:
    """Return d Σ output[..., 0] / d each tensor of the graph by address; those without a gradient are left out."""
    graph = keras_reference.graph_of(model)
    read = tensors_read(graph.outputs[0])
    names, tensors = [], []
    for _, name, node in keras_reference.calls(graph):
        for number, tensor in enumerate(node.output_tensors):
            if id(tensor) in read:
                names.append(f"{name}#{number}" if len(node.output_tensors) > 1 else name)
                tensors.append(tensor)
    whole = keras.Model(graph.inputs, [graph.outputs[0], *tensors])
    given = [tf.constant(array) for array in inputs]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(given)
        first, *values = whole(given, training=False)
        score = tf.reduce_sum(tf.cast(first[..., 0], tf.float64 if first.dtype == tf.float64 else tf.float32))
    by_input = dict(zip(input_names(model), given, strict=True))
    sources = [by_input.get(name, value) for name, value in zip(names, values, strict=True)]
    found = dict(zip(names, tape.gradient(score, sources), strict=True))
    several = {name for name in found if "#" in name}
    found = {name: one for name, one in found.items() if name not in several}
    found |= {name: one for name, one in sibling_gradients(graph, given).items() if name in several}
    return {name: tf.convert_to_tensor(one).numpy() for name, one in found.items() if one is not None}


def sibling_gradients(graph: keras.Model, given: Sequence[Any]) -> dict[str, Any]:
    """Return the gradients at each of several outputs of a layer, where the others are held: without that a tape counts
    what one output has of another inside the layer (an LSTM's last output is made of its state).
    """
    found: dict[str, Any] = {}
    for _, name, node in keras_reference.calls(graph):
        if len(node.output_tensors) < 2:
            continue
        held = [
            tf.convert_to_tensor(one) for one in keras.Model(graph.inputs, node.output_tensors)(given, training=False)
        ]
        try:
            rest = keras.Model([*graph.inputs, *node.output_tensors], graph.outputs[0])
        except ValueError:  # the output does not follow from these
            continue
        with tf.GradientTape() as tape:
            tape.watch(held)
            score = tf.reduce_sum(rest([*given, *held], training=False)[..., 0])
        gradients = tape.gradient(score, held)
        found |= {f"{name}#{number}": one for number, one in enumerate(gradients) if one is not None}
    return found


def tensors_read(output: Any) -> set[int]:
    """Return the ids of the symbolic tensors that one is computed from, itself included."""
    waiting, read = [output], {id(output)}
    while waiting:
        operation, index, _ = waiting.pop()._keras_history
        new = [tensor for tensor in operation._inbound_nodes[index].input_tensors if id(tensor) not in read]
        read |= {id(tensor) for tensor in new}
        waiting += new
    return read


def served_gradients(
    client: httpx.Client, model: keras.Model, inputs: Sequence[Array], of: str, to: Sequence[str]
) -> dict[str, Array]:
    """Return the same gradients from the service."""
    file = io.BytesIO()
    np.savez(file, **dict(zip(input_names(model), inputs, strict=True)))
    parts = {"tensor": file.getvalue()}
    fields = {"to": ",".join(to), "of": of, "format": "safetensors"}
    reply = client.post("/v1/models/graph/explanations", files=parts, data=fields)
    if reply.status_code != 200:
        raise SystemExit(f"{reply.status_code}: {reply.text[:2000]}")
    return load(reply.content)


def put(client: httpx.Client, model: keras.Model, folder: Path) -> None:
    """Register a Keras model with its weights."""
    path = folder / "graph.keras"
    model.save(path)
    reply = client.put("/v1/models/graph", files={"weights": path.read_bytes()})
    if reply.status_code not in (200, 201):
        raise SystemExit(f"{reply.status_code}: {reply.text[:2000]}")


def output_address(model: keras.Model) -> str:
    """Return the address of the first output."""
    operation, index, number = keras_reference.graph_of(model).outputs[0]._keras_history
    graph = keras_reference.graph_of(model)
    for one, name, node in keras_reference.calls(graph):
        if one is operation and node is operation._inbound_nodes[index]:
            return f"{name}#{number}" if len(node.output_tensors) > 1 else name
    raise LookupError(operation.name)


def checked(client: httpx.Client, name: str, model: keras.Model, folder: Path) -> Checked:
    """Compare the gradients of one graph."""
    inputs = random_inputs(model)
    put(client, model, folder)
    expected = expected_gradients(model, inputs)
    floats = {address: one for address, one in expected.items() if "float" in one.dtype.name}
    found = served_gradients(client, model, inputs, f"{output_address(model)}[..., 0]", list(floats))
    errors = {address: error_of(found[address], one) for address, one in floats.items()}
    for address, error in errors.items():
        if error > TOLERANCE:
            print(f"    {address}: {error:.2e}", flush=True)
    is_half = any("16" in layer.compute_dtype for layer in model.layers)
    return Checked(name, len(floats), max(errors.values(), default=np.inf), FLOAT16_TOLERANCE if is_half else TOLERANCE)


def error_of(found: Array, expected: Array) -> float:
    """Return the relative error; a batch that the graph has moved is sent first."""
    moved = [np.moveaxis(expected, place, 0) for place in range(expected.ndim)]
    alike = [one for one in moved if one.shape == found.shape]
    errors = [relative_error(found, one) if one.any() else float(np.abs(found).max()) for one in alike]
    return min(errors, default=np.inf) if alike else error_of(found.reshape(expected.shape), expected)


def differences(client: httpx.Client, name: str, model: keras.Model, folder: Path) -> Checked:
    """Compare gradients at the inputs of a float64 graph with central differences at random places."""
    inputs = [array[:1].astype(np.float64) for array in random_inputs(model)]
    put(client, model, folder)
    of, names = f"{output_address(model)}[..., 0]", input_names(model)
    gradients = served_gradients(client, model, inputs, of, names)
    random, worst = np.random.default_rng(3), 0.0
    output = keras.Model(model.inputs, model.outputs[0])
    for _ in range(PLACES):
        number = int(random.integers(len(inputs)))
        place = tuple(int(random.integers(length)) for length in inputs[number].shape)
        scores = []
        for sign in (1, -1):
            moved = [array.copy() for array in inputs]
            moved[number][place] += sign * STEP
            scores.append(float(np.asarray(output(moved, training=False))[..., 0].sum()))
        slope = (scores[0] - scores[1]) / (2 * STEP)
        largest = float(np.abs(gradients[names[number]]).max()) or 1.0
        worst = max(worst, abs(slope - float(gradients[names[number]][place])) / largest)
    return Checked(f"{name} (differences)", PLACES, worst, 1e-5)


def examples(client: httpx.Client) -> Iterator[tuple[str, keras.Model]]:
    """Yield the example of every layer, as the service gives it to Keras."""
    for row in client.get("/v1/layers").json()["layers"]:
        document = row.get("example")
        if document is None:
            continue
        reply = client.put("/v1/models/example", json=document)
        if reply.status_code not in (200, 201):
            continue
        text = client.get("/v1/models/example", params={"as": "keras"})
        if text.status_code == 200:
            yield row["type"], keras.models.model_from_json(text.text)


def main() -> None:
    """Compare every graph; exit with 1 if one differs."""
    rows = []
    with TemporaryDirectory() as folder, running(Path(folder) / "data") as service:
        for make in GRAPHS:
            rows.append(checked(service.client, make.__name__, make(), Path(folder)))
            print(rows[-1], flush=True)
        for number in range(DRAWN):
            rows.append(checked(service.client, f"random {number}", random_model(number), Path(folder)))
            print(rows[-1], flush=True)
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        for make in (make for make in GRAPHS[:-1] if make is not three_dimensions):  # no float64 there
            rows.append(differences(service.client, make.__name__, make(), Path(folder)))
            print(rows[-1], flush=True)
    bad = [row for row in rows if not row.is_good]
    addresses, worst = sum(row.addresses for row in rows), max(row.error for row in rows)
    print(f"{len(rows)} graphs, {addresses} addresses, {len(bad)} differ; largest relative error {worst:.2e}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
