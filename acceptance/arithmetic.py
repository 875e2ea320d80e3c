"""Arithmetic of an element of every address: terms add up to the value that activations have, and are in its box."""

from __future__ import annotations

import argparse
import io
import sys
from collections import defaultdict
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import keras
import numpy as np
from safetensors.numpy import load

from acceptance.graph_models import GRAPHS
from acceptance.graphs import input_names, random_inputs
from acceptance.live_service import running
from acceptance.random_models import random_model

Array = np.ndarray[Any, Any]
KINDS = ("MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121", "InceptionV3", "Xception", "ConvNeXtTiny",
         "NASNetMobile")  # fmt: skip
SIDE, DRAWN = 75, 40
"""Pixels of the pictures, and random graphs beside those of `graph_models`."""
FEW, EACH = 4, 4.0
"""Ulps by which a sum of few terms may differ, and one of many, times the root of their number."""


class Network(NamedTuple):
    """A registered network on inputs."""

    client: httpx.Client
    name: str
    inputs: dict[str, Any]

    def tensors(self) -> tuple[dict[str, str], dict[str, Array]]:
        """Return the type and the values of every address."""
        url = f"/v1/models/{self.name}/activations"
        reply = self.client.post(url, json={"inputs": self.inputs, "data": "none"}).raise_for_status()
        whole = self.client.post(f"{url}?format=safetensors", json={"inputs": self.inputs}).raise_for_status()
        return {row["address"]: row["type"] for row in reply.json()["layers"]}, load(whole.content)

    def ask(self, address: str, index: list[int]) -> httpx.Response:
        """Ask about an element."""
        body = {"inputs": self.inputs, "of": {"address": address, "index": index}, "stats": False}
        return self.client.post(f"/v1/models/{self.name}/arithmetic", json=body)


class Asked(NamedTuple):
    """The answer about one element: its layer's type, the largest ulps, and what is wrong with it."""

    kind: str
    ulps: float
    terms: int
    fault: str | None
    reason: str | None


def asked(network: Network, address: str, kind: str, values: Array) -> Asked:
    """Ask about a random element."""
    random = np.random.default_rng(len(address))
    index = [int(random.integers(length)) for length in values.shape]
    reply = network.ask(address, index)
    if reply.status_code != 200:
        return Asked(kind, 0.0, 0, reply.text[:300], None)
    found = reply.json()
    fault, steps = fault_of(found, float(values[tuple(index)])), found["steps"]
    ulps = max((float(step["ulps"]) for step in steps), default=0.0)
    return Asked(kind, ulps, max((step["terms_total"] for step in steps), default=0), fault, found.get("reason"))


def fault_of(found: dict[str, Any], value: float) -> str | None:
    """Return what is wrong with an answer."""
    if not np.isclose(float(found["value"]), value, rtol=1e-5, atol=1e-6, equal_nan=True):
        return f"the value is {found['value']}, and {value} among the activations"
    boxes = {row["address"]: row["box"] for row in found["reads"]}
    for step in found["steps"]:
        if float(step["ulps"]) > max(FEW, EACH * sqrt(step["terms_total"])):
            return f"{step['formula']}: {step['sum']} is not {step['value']}"
        for term in step["terms"]:
            box = boxes.get(term["name"])
            inside = box is None or all(low <= n < high for n, (low, high) in zip(term["index"], box, strict=True))
            if not inside:
                return f"{term['name']}{term['index']} is a term outside the box {box}"
    return None


def check(network: Network) -> list[Asked]:
    """Ask about every address; print what is wrong."""
    kinds, values = network.tensors()
    answers = []
    for address, kind in kinds.items():
        if values[address].size:
            answers.append(asked(network, address, kind, values[address]))
            if answers[-1].fault:
                print(f"    {network.name}/{address} ({kind}): {answers[-1].fault}", flush=True)
    wrong = sum(answer.fault is not None for answer in answers)
    without = sum(answer.reason is not None for answer in answers)
    print(f"{network.name}: {len(answers)} addresses, {without} without steps, {wrong} wrong", flush=True)
    return answers


def put(client: httpx.Client, name: str, model: keras.Model) -> None:
    """Register a Keras model with its weights."""
    buffer = io.BytesIO()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        buffer.write(path.read_bytes())
    client.put(f"/v1/models/{name}", content=buffer.getvalue()).raise_for_status()


def as_json(array: Array) -> dict[str, Any]:
    """Return an array as an input in JSON."""
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": array.ravel().tolist()}


def table(answers: Sequence[Asked]) -> None:
    """Print the largest ulps by type of layer, and the types without steps."""
    by_kind: dict[str, list[Asked]] = defaultdict(list)
    for answer in answers:
        by_kind[answer.kind].append(answer)
    for kind, rows in sorted(by_kind.items()):
        ulps = [row.ulps for row in rows if row.reason is None]
        if ulps:
            terms = max(row.terms for row in rows)
            print(f"{kind:28} {len(rows):5} asked, at most {terms:6} terms, ulps at most {max(ulps):8.1f}")
    for reason in sorted({row.reason for row in answers if row.reason is not None}):
        print(reason)


def main() -> None:
    """Ask about every address; exit with 1 if an answer is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default=",".join(KINDS), help="networks of keras.applications")
    kinds, answers = [kind for kind in parser.parse_args().kinds.split(",") if kind], []
    with TemporaryDirectory() as folder, running(Path(folder) / "data") as service:
        models = [(make.__name__, make()) for make in GRAPHS] + [(f"random{n}", random_model(n)) for n in range(DRAWN)]
        for name, model in models:
            put(service.client, name, model)
            given = [array[:2] for array in random_inputs(model)]
            inputs = {name: as_json(array) for name, array in zip(input_names(model), given, strict=True)}
            answers += check(Network(service.client, name, inputs))
        for kind in kinds:
            document = {"application": kind, "weights": None, "include_top": False, "input": [SIDE, SIDE, 3]}
            service.client.put(f"/v1/models/{kind}", json=document).raise_for_status()
            name = next(iter(service.client.get(f"/v1/models/{kind}").json()["inputs"]))
            picture = np.random.default_rng(0).uniform(0, 255, (1, SIDE, SIDE, 3)).astype(np.float32)
            answers += check(Network(service.client, kind, {name: as_json(picture)}))
    table(answers)
    sys.exit(any(answer.fault is not None for answer in answers))


if __name__ == "__main__":
    main()
