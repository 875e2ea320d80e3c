"""Random requests for explanations, comparisons, diagnoses and runs with edits, most of them wrong: no 500, and the
engine lives.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from acceptance.live_service import Service, running

COUNT = 1000
DOCUMENT = {
    "input": [8, 8, 2],
    "layers": [
        {"type": "Conv2D", "filters": 3, "kernel_size": 3, "activation": "relu", "name": "conv"},
        {"type": "Block", "name": "block", "input": ["x"], "layers": [
            {"type": "Conv2D", "filters": 3, "kernel_size": 1, "name": "inner", "inputs": ["x"]},
            {"type": "BatchNormalization", "name": "norm"}]},
        {"type": "Flatten", "name": "flat"},
        {"type": "Dense", "units": 4, "activation": "softmax", "name": "head"},
    ],
}  # fmt: skip
ADDRESSES = ["input", "conv", "conv:pre", "block", "block/inner", "block/norm", "flat", "head", "head:pre", "*", "**",
             "type:Conv2D", "nothing", "conv@1", "conv#2", "", ":pre", "type:", "block/*", "é", "a" * 300]  # fmt: skip
STRANGE: list[Any] = [None, True, -1, 0, 1, 2**31, 10**30, 1e308, -0.0, "", "NaN", "1e999", [], {}, [[]], [None],
                      {"a": 1}, "x" * 2000, [1, [2]], {"tensor": "v"}, {"inputs": 1}, "\u0000", "ü"]  # fmt: skip
INDICES = ["[0]", "[argmax]", "[-1]", "[99]", "[...]", "[0, 0, 0]", "[:, 1]", "[0, argmax]", "[]", "[a]", "[1:0]",
           "[::-1]", "[0, ..., 1]", "[[0]]", ""]  # fmt: skip
METHODS = ["gradient", "input_x_gradient", "smooth_grad", "integrated_gradients", "grad_cam", "grad_cam++", "layer_cam",
           "occlusion", "ablation", "lime", "", 3]  # fmt: skip
KNOBS: dict[str, list[Any]] = {
    "steps": [1, 7, 10**9], "samples": [1, 3], "noise": [0.1], "seed": [3], "baseline": ["zero", "blur", 0.5, [1]],
    "window": [1, 3, 9], "stride": [1, 2], "value": [0.5], "relu": [False], "alpha": [0.3], "overlay": [True],
    "resized": [True], "sign": [-1], "minus": ["head[1]", "conv[0, 0, 0]"], "weights": [True], "stats": [False],
    "format": ["npz", "png", "safetensors", "npy", "jsonl", "svg", "gif"], "slice": ["0"], "reduce": ["mean@c"],
    "top": [2], "dtype": ["float16", "uint8"], "data": ["none", "base64"],
}  # fmt: skip
ARGUMENTS: dict[str, list[Any]] = {
    "zero": [True], "mean": ["batch", "positions", "channels"], "set": [2.5, [1, 2, 3]], "scale": [0, [0, 1]],
    "add": [1, [[1], [2]]], "clamp": [[0, 1]], "noise": [{"std": 1}], "permute": [{"seed": 3}],
    "patch": [{"item": 0}, {"item": 7}, {"inputs": [[[[1, 2]] * 8] * 8], "address": "conv"}],
    "project": [{"onto": [1, 0, 0]}, {"off": [0, 0, 0]}], "shrink": [1],
}  # fmt: skip
OPERATIONS = list(ARGUMENTS)
OTHER = {
    **DOCUMENT,
    "layers": [
        {"type": "Conv2D", "filters": 4, "kernel_size": 3, "name": "conv"},
        {"type": "Flatten", "name": "flat2"},
        {"type": "Dense", "units": 4, "name": "head"},
    ],
}
COMPARED: dict[str, list[Any]] = {
    "layers": [["conv"], ["**"], ["head:pre", "input"], ["nothing"]], "pairs": [{"flat": "flat2"}, {"conv": "head"}],
    "tolerance": [{"rtol": 0.1}, {"atol": 1e300}, {"rtol": -1}, {"x": 1}], "weights": [True], "stats": [True],
    "data": ["nested", "base64"], "format": ["npz", "png", "safetensors", "npy", "jsonl", "svg"], "slice": ["0"],
    "reduce": ["mean@c"], "top": [2], "dtype": ["float16", "uint8"], "histogram": [4],
}  # fmt: skip
STRANGENESS = 0.1
"""Share of fields with a value of another kind."""


class Bodies:
    """Random bodies of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def one(self) -> tuple[str, dict[str, Any]]:
        """Return a route and a body."""
        random = self._random
        body: dict[str, Any] = {"model": DOCUMENT, "inputs": self._inputs()}
        if random.random() < 0.4:
            body["edits"] = self._edits()
        if random.random() < 0.3:
            return "/v1/activations", body | {"layers": self._or_strange(self._addresses())}
        if random.random() < 0.3:
            return "/v1/diagnoses", body | {"layers": self._or_strange(self._addresses())}
        if random.random() < 0.4:
            return "/v1/comparisons", self._comparison(body)
        body["method"] = random.choice(METHODS)
        if random.random() < 0.5:
            body["of"] = self._target()
        if random.random() < 0.5:
            body["to"] = self._or_strange(self._addresses())
        for name in random.sample(sorted(KNOBS), random.choice([0, 0, 1, 2])):
            body[name] = self._or_strange(random.choice(KNOBS[name]))
        return "/v1/explanations", body

    def _comparison(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a body of two sides, the first of which has some of the fields."""
        random, moved = self._random, ["model", "inputs", "edits"]
        own = {name: body.pop(name) for name in moved if name in body and random.random() < 0.6}
        sides = [own if random.random() < 0.8 else self._or_strange(own), self._or_strange(self._second())]
        body |= dict(zip(("a", "b"), sides, strict=True))
        for name in random.sample(sorted(COMPARED), random.choice([0, 1, 1, 2])):
            body[name] = self._or_strange(random.choice(COMPARED[name]))
        return body if random.random() < 0.9 else {key: value for key, value in body.items() if key != "a"}

    def _second(self) -> dict[str, Any]:
        random = self._random
        side: dict[str, Any] = {}
        for name in random.sample(
            ["model", "inputs", "training", "edits", "dtype", "strange"], random.choice([0, 1, 1, 2])
        ):
            side[name] = self._or_strange({
                "model": random.choice([DOCUMENT, OTHER, "nothing", "[]"]), "inputs": self._inputs(),
                "training": random.choice([True, False]), "edits": self._edits(), "strange": 1,
                "dtype": random.choice(["float16", "bfloat16", "float64", "mixed_float16", "float32", "int8"]),
            }[name])  # fmt: skip
        return side

    def _or_strange(self, value: Any) -> Any:
        return self._random.choice(STRANGE) if self._random.random() < STRANGENESS else value

    def _inputs(self) -> Any:
        random, rows = self._random, self._random.choice([1, 1, 2, 3])
        if random.random() < 0.1:
            return random.choice(STRANGE)
        values = [random.choice([random.gauss(0, 1), 0.0, 1e38, "NaN", "Infinity"] if random.random() < 0.05
                                else [random.gauss(0, 1)]) for _ in range(rows * 128)]  # fmt: skip
        return {"shape": [rows, 8, 8, 2], "data": values}

    def _addresses(self) -> list[str]:
        strange = [self._random.choice(ADDRESSES)] if self._random.random() < 0.2 else []
        return self._random.sample(ADDRESSES[:9], self._random.choice([1, 1, 2])) + strange

    def _target(self) -> Any:
        random = self._random
        if random.random() < 0.1:
            return random.choice(STRANGE)
        if random.random() < 0.3:
            index = random.choice([[0], ["argmax"], [0, "..."], [True], [1.5], {}, "argmax", [99], None])
            return {"address": random.choice(ADDRESSES), "index": index}
        return random.choice(ADDRESSES) + random.choice(INDICES)

    def _edits(self) -> Any:
        random = self._random
        if random.random() < 0.1:
            return random.choice(STRANGE)
        return [self._edit() for _ in range(random.choice([1, 1, 1, 2, 4]))]

    def _edit(self) -> Any:
        random = self._random
        entry: dict[str, Any] = {"at": random.choice(ADDRESSES if random.random() < 0.3 else ADDRESSES[:7])}
        name = random.choice(OPERATIONS)
        entry[name] = self._or_strange(random.choice(ARGUMENTS[name]))
        if random.random() < 0.3:
            entry["channels"] = random.choice([[0], [1, 2], [-1], [9], [], [0, 0], "0", *STRANGE])
        elif random.random() < 0.2:
            entry["slice"] = random.choice(["0", "0, 1:3", "..., 1", "9", ":, :, :, ::2", "", *STRANGE])
        return entry


def send(service: Service, number: int, counted: Counter[str]) -> None:
    """Send one; print it where the answer is a 500 or an engine is lost."""
    path, body = Bodies(number).one()
    reply = service.client.post(path, json=body)
    counted[f"{path} {reply.status_code}"] += 1
    if reply.status_code >= 500:
        print(f"{number}: {reply.status_code} {reply.text[:300]}\n  {json.dumps(body)[:1500]}", flush=True)


def main() -> None:
    """Send them all; exit with 1 if one was answered with a 5xx, or the engine is another."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    counted: Counter[str] = Counter()
    with TemporaryDirectory() as folder, running(Path(folder)) as service:
        engine = service.engine_pid()
        for number in range(count):
            send(service, number, counted)
        lives = service.engine_pid() == engine
    for what, times in sorted(counted.items()):
        print(f"{what}: {times}")
    print("the engine lives" if lives else "the engine is another")
    sys.exit(not lives or any(" 5" in what for what in counted))


if __name__ == "__main__":
    main()
