"""Comparisons of networks of keras.applications: each with itself, and pairs that differ in one thing.

Each network, with random weights at its smallest square input, is compared with itself at every address: all must be
`equal`. Then MobileNetV2 in float32 with itself in float16, with other weights and in training mode, and a small
network with a layer renamed, removed and of another shape. Arguments: names of networks; all of them when there are
none. Exit code 1 where one is not equal with itself.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np

from acceptance.applications import constructors, register, smallest
from acceptance.live_service import Service, running

Body = dict[str, Any]
EVERY = ["**"]
SMALL: Body = {"input": [96, 96, 3], "layers": [
    {"type": "Conv2D", "filters": 4, "kernel_size": 3, "name": "conv"},
    {"type": "BatchNormalization", "name": "normed"}, {"type": "ReLU", "name": "relu"},
    {"type": "GlobalAveragePooling2D", "name": "pooled"}, {"type": "Dense", "units": 3, "name": "head"},
]}  # fmt: skip


def compared(service: Service, body: Body, side: int) -> Body:
    """Return the comparison of two sides on one random image."""
    image = np.random.default_rng(0).uniform(-1, 1, (1, side, side, 3)).round(4).tolist()
    reply = service.client.post("/v1/comparisons", json={"inputs": image, "layers": EVERY, "data": "none", **body})
    if reply.status_code != 200:
        raise SystemExit(f"{reply.status_code}: {reply.text[:2000]}")
    return reply.json()


def statuses(answer: Body) -> Counter[str]:
    """Return how many addresses have each status."""
    return Counter(layer["status"] for layer in answer["layers"])


def with_itself(service: Service, name: str, make: Any, folder: Path) -> bool:
    """Print a line of one network; returns whether it is equal with itself at every address."""
    model, side = smallest(make)
    register(service, model, folder)
    answer = compared(service, {"a": {"model": "network"}, "b": {}}, side)
    found = statuses(answer)
    is_good = set(found) == {"equal"} and answer["equal"] is True and answer["first_divergence"] is None
    print(f"{name:20} {side:3} pixels, {dict(found)}{'' if is_good else ' NOT EQUAL'}", flush=True)
    service.client.delete("/v1/models/network")
    return is_good


def pairs(service: Service, folder: Path) -> None:
    """Print what is found in pairs that differ in one thing."""
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))
    register(service, model, folder)
    other = keras.models.clone_model(model)
    other.save_weights(folder / "other.weights.h5")
    parts = {"model": model.to_json(), "weights": (folder / "other.weights.h5").read_bytes()}
    service.client.put("/v1/models/other", files=parts).raise_for_status()
    own = {"model": "network"}
    document = {"model": SMALL}
    rows: dict[str, Body] = {
        "float16": {"a": own, "b": {"dtype": "float16"}},
        "bfloat16": {"a": own, "b": {"dtype": "bfloat16"}},
        "float64": {"a": own, "b": {"dtype": "float64"}},
        "two files of weights": {"a": own, "b": {"model": "other"}},
        "training": {"a": own, "b": {"training": True}},
        "one renamed": {"a": document, "b": {"model": changed(1, name="other")}},
        "one renamed, and paired": {"a": document, "b": {"model": changed(1, name="other")},
                                    "pairs": {"normed": "other"}},
        "one removed": {"a": document, "b": {"model": {**SMALL, "layers": SMALL["layers"][:1] + SMALL["layers"][2:]}}},
        "one of another shape": {"a": document, "b": {"model": changed(0, filters=5)}},
    }  # fmt: skip
    for name, body in rows.items():
        show(name, compared(service, body, 96))


def changed(number: int, **fields: Any) -> Body:
    """Return the small network, one of whose layers has other fields."""
    layers = list(SMALL["layers"])
    layers[number] = {**layers[number], **fields}
    return {**SMALL, "layers": layers}


def show(name: str, answer: Body) -> None:
    """Print the first divergence, the worst address, and how many addresses have each status."""
    figures = [layer for layer in answer["layers"] if layer.get("rel_l2") is not None]
    worst = max(figures, key=lambda layer: layer["rel_l2"], default=None)
    at = (
        ""
        if worst is None
        else f"; worst {worst['a']['address']} rel_l2 {worst['rel_l2']:.2e}, cosine {worst['cosine']}"
    )
    print(f"{name}: {dict(statuses(answer))}, first_divergence {answer['first_divergence']}{at}", flush=True)


def main() -> None:
    """Print a line a network and a pair; exit with 1 if a network is not equal with itself."""
    known = constructors()
    names = sys.argv[1:] or list(known)
    with TemporaryDirectory() as folder, running(Path(folder) / "data", DEADLINE="300", MAX_WEIGHTS="4GiB") as service:
        results = []
        for name in names:
            results.append(with_itself(service, name, known[name], Path(folder)))
            keras.utils.clear_session()
            gc.collect()
        print(f"{sum(results)} of {len(results)} are equal with themselves at every address")
        pairs(service, Path(folder))
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
