"""Edits of random graphs at random addresses: the four laws, against NumPy and the Keras model from there on.

Prints a line a graph. Arguments: how many triples of graph, address and edit (200). Exit code 1 where a law is broken.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import keras
import numpy as np
from safetensors.numpy import load

from acceptance import keras_reference
from acceptance.gradients import error_of, put, tensors_read
from acceptance.graph_models import GRAPHS
from acceptance.graphs import FLOAT16_TOLERANCE, TOLERANCE, input_names, random_inputs
from acceptance.live_service import relative_error, running
from acceptance.random_models import random_model

Array = np.ndarray[Any, Any]
Entry = dict[str, Any]
COUNT, A_GRAPH = 200, 4
"""Triples, and how many of them are of one graph."""
IDENTITIES: tuple[Entry, ...] = ({"scale": 1}, {"add": 0}, {"noise": {"std": 0}}, {"clamp": [-1e30, 1e30]})
OPERATIONS: tuple[tuple[Entry, Callable[[Array], Array]], ...] = (
    ({"zero": True}, np.zeros_like),
    ({"scale": -2}, lambda x: x * x.dtype.type(-2)),
    ({"add": 0.5}, lambda x: x + x.dtype.type(0.5)),
    ({"set": 0.25}, lambda x: np.full_like(x, 0.25)),
    ({"clamp": [-0.25, 0.25]}, lambda x: np.clip(x, x.dtype.type(-0.25), x.dtype.type(0.25))),
    ({"patch": {"item": 1}}, lambda x: np.repeat(x[1:2], len(x), axis=0)),
    ({"mean": "batch"}, lambda x: np.broadcast_to(x.astype("f8").mean(0, keepdims=True), x.shape).astype(x.dtype)),
)


class Tensor(NamedTuple):
    """A tensor of a graph: its address, Keras' symbolic tensor, and the addresses that it is computed from."""

    address: str
    symbolic: Any
    reads: frozenset[str]


class Served:
    """A registered graph and three rows, of which runs are asked for with edits."""

    def __init__(self, client: httpx.Client, model: keras.Model) -> None:
        self.model, self._client = model, client
        self.inputs = random_inputs(model)
        self.tensors = tensors_of(model)

    def run(self, *edits: Entry) -> dict[str, Array]:
        """Return the tensors at every address of a run with edits."""
        return load(self._asked({"format": "safetensors"} | ({"edits": json.dumps(edits)} if edits else {})).content)

    def moved(self) -> set[str]:
        """Return the addresses where the graph has its batch in another place than first, or joined with other axes."""
        layers = self._asked({"data": "none"}).json()["layers"]
        return {layer["address"] for layer in layers if "in_graph" in layer}

    def _asked(self, fields: dict[str, str]) -> httpx.Response:
        file = io.BytesIO()
        np.savez(file, **dict(zip(input_names(self.model), self.inputs, strict=True)))
        fields = {"layers": ",".join(one.address for one in self.tensors), **fields}
        reply = self._client.post("/v1/models/graph/activations", files={"tensor": file.getvalue()}, data=fields)
        if reply.status_code != 200:
            raise SystemExit(f"{reply.status_code}: {fields} {reply.text[:1000]}")
        return reply


def tensors_of(model: keras.Model) -> list[Tensor]:
    """Return the tensors of a graph, each with what it is computed from."""
    rows = []
    for _, name, node in keras_reference.calls(keras_reference.graph_of(model)):
        several = len(node.output_tensors) > 1
        rows += [(f"{name}#{n}" if several else name, one) for n, one in enumerate(node.output_tensors)]
    by_id = {id(tensor): address for address, tensor in rows}
    reads = {id(tensor): tensors_read(tensor) - {id(tensor)} for _, tensor in rows}
    return [
        Tensor(address, tensor, frozenset(by_id[one] for one in reads[id(tensor)] if one in by_id))
        for address, tensor in rows
    ]


class Walk:
    """Values of a graph's tensors by Keras' own layers, called one after the other, where one tensor is another."""

    def __init__(self, served: Served, at: Tensor, value: Array) -> None:
        inputs = keras_reference.graph_of(served.model).inputs
        given = [keras.ops.convert_to_tensor(array) for array in served.inputs]
        self._values: dict[int, Any] = {id(tensor): array for tensor, array in zip(inputs, given, strict=True)}
        changed, before = keras.ops.convert_to_tensor(value), self.value(at.symbolic)
        changed._keras_mask = getattr(before, "_keras_mask", None)  # an edit leaves the mask
        self._values = {id(tensor): array for tensor, array in zip(inputs, given, strict=True)}
        self._values[id(at.symbolic)] = changed

    def value(self, tensor: Any) -> Any:
        """Return the value of a symbolic tensor."""
        if id(tensor) not in self._values:
            operation, index, _ = tensor._keras_history
            node = operation._inbound_nodes[index]
            arguments, keywords = node.arguments.fill_in({id(one): self.value(one) for one in node.input_tensors})
            made = keras.tree.flatten(operation(*arguments, **keywords))
            for one, computed in zip(node.output_tensors, made, strict=True):
                self._values.setdefault(id(one), computed)
        return self._values[id(tensor)]


def differing(one: dict[str, Array], other: dict[str, Array]) -> set[str]:
    """Return the addresses whose bits differ."""
    return {address for address in one if one[address].tobytes() != other[address].tobytes()}


def check(served: Served, plain: dict[str, Array], at: Tensor, random: Random) -> list[str]:
    """Return the laws that one address breaks."""
    broken = []
    identity = random.choice(IDENTITIES)
    if differing(plain, served.run({"at": at.address, **identity})):
        broken.append(f"{identity} changes bits")
    (first, one), (second, other) = random.choice(OPERATIONS), random.choice(OPERATIONS)
    found = served.run({"at": at.address, **first}, {"at": at.address, **second})
    after = {row.address for row in served.tensors if at.address in row.reads}
    aside = differing(plain, found) - after - {at.address}
    if aside:
        broken.append(f"{sorted(aside)} are not downstream")
    expected = other(one(plain[at.address]))
    if relative_error(found[at.address], expected) > TOLERANCE:
        broken.append(f"{first} and then {second} are not NumPy's")
    return broken + [f"{name} is not Keras'" for name in far_from_keras(served, at, found)]


def far_from_keras(served: Served, at: Tensor, found: dict[str, Array]) -> list[str]:
    """Return the addresses after an edited tensor whose values are not those of the Keras model from there on."""
    walk = Walk(served, at, found[at.address])
    after = [one for one in served.tensors if at.address in one.reads]
    values = {one.address: keras.ops.convert_to_numpy(walk.value(one.symbolic)) for one in after}
    is_half = any("16" in layer.compute_dtype for layer in served.model.layers)
    limit = FLOAT16_TOLERANCE if is_half else TOLERANCE
    return [name for name, value in values.items() if error_of(found[name], value) > limit]


def choices(served: Served, random: Random) -> Sequence[Tensor]:
    """Return addresses of floats that something is computed from; where the batch is not first, edits are refused."""
    read = {address for one in served.tensors for address in one.reads}
    floats = [one for one in served.tensors if "float" in str(one.symbolic.dtype) and one.address in read]
    moved = served.moved()
    first = [one for one in floats if one.address not in moved]
    return random.sample(first, min(A_GRAPH, len(first)))


def graph(number: int) -> keras.Model:
    """Return a graph of a number: those made by hand, then random ones."""
    return GRAPHS[number]() if number < len(GRAPHS) else random_model(number)


def main() -> None:
    """Check graphs until there are as many triples."""
    count, done, bad, number = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT, 0, 0, 0
    with TemporaryDirectory() as folder, running(Path(folder) / "data") as service:
        while done < count:
            model, random = graph(number), Random(number)
            put(service.client, model, Path(folder))
            served = Served(service.client, model)
            plain = served.run()
            for at in choices(served, random):
                broken = check(served, plain, at, random)
                done, bad = done + 1, bad + bool(broken)
                print(f"graph {number:3} {at.address:40} {'; '.join(broken) or 'keeps the laws'}", flush=True)
            number += 1
    print(f"{done} triples of {number} graphs, {bad} break a law")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
