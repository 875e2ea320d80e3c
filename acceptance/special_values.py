"""NaN, infinities, negative zero and denormals through every format and through layers: what comes back, bit by bit."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ml_dtypes
import numpy as np

from acceptance.live_service import Service, running

Array = np.ndarray[Any, Any]

NAMES = ("NaN", "Inf", "-Inf", "-0.0", "denormal", "-denormal", "greatest")
DTYPES = ("float16", "bfloat16", "float32", "float64")
LAYERS: dict[str, dict[str, Any]] = {
    "Reshape": {"type": "Reshape", "target_shape": [len(NAMES)]},
    "linear": {"type": "Activation", "activation": "linear"},
    "ReLU": {"type": "ReLU"},
    "Maximum with itself": {"type": "Maximum", "inputs": ["input", "input"]},
    "Average with itself": {"type": "Average", "inputs": ["input", "input"]},
    "Rescaling by 1": {"type": "Rescaling", "scale": 1.0},
    "Dense, 1 unit of 1": {"type": "Dense", "units": 1, "use_bias": False, "kernel_initializer": "ones"},
}


def row_of(line: dict[str, Any]) -> Array:
    """Return the values of a layer in JSON."""
    dtype = np.dtype(getattr(ml_dtypes, line["dtype"], line["dtype"]))
    if "base64" in line:
        return np.frombuffer(base64.b64decode(line["base64"]), dtype)
    return np.array(line["data"], object).astype("f8").astype(dtype).reshape(-1)


def of_safetensors(content: bytes) -> Array:
    """Return the values of the only tensor. (The library has no bfloat16 for NumPy.)"""
    length = int.from_bytes(content[:8], "little")
    (entry,) = [value for name, value in json.loads(content[8 : 8 + length]).items() if name != "__metadata__"]
    dtypes: dict[str, Any] = {"F16": "<f2", "BF16": ml_dtypes.bfloat16, "F32": "<f4", "F64": "<f8"}
    return np.frombuffer(content[8 + length :], dtypes[entry["dtype"]])


def of_npz(content: bytes) -> Array:
    """Return the only member."""
    with np.load(io.BytesIO(content)) as file:
        return file[file.files[0]].reshape(-1)


FORMATS: dict[str, tuple[dict[str, str], Callable[[bytes], Array]]] = {
    "JSON nested": ({}, lambda content: row_of(json.loads(content)["layers"][0])),
    "JSON base64": ({"data": "base64"}, lambda content: row_of(json.loads(content)["layers"][0])),
    "jsonl": ({"format": "jsonl"}, lambda content: row_of(json.loads(content.splitlines()[1]))),
    "npz": ({"format": "npz"}, of_npz),
    "npy": ({"format": "npy"}, lambda content: np.load(io.BytesIO(content)).reshape(-1)),
    "safetensors": ({"format": "safetensors"}, of_safetensors),
}


def values_of(name: str) -> Array:
    """Return one value for each of NAMES."""
    dtype = np.dtype(getattr(ml_dtypes, name, name))
    info = ml_dtypes.finfo(dtype)
    least = info.smallest_subnormal
    return np.array([np.nan, np.inf, -np.inf, -0.0, least, -least, info.max], dtype)


def through(service: Service, values: Array, layer: dict[str, Any], one_by_one: bool, **options: str) -> bytes:
    """Return the reply to a run of one layer on the values: side by side, or as a batch."""
    shape = [len(values), 1] if one_by_one else [1, len(values)]
    tensor = {"shape": shape, "dtype": values.dtype.name, "base64": base64.b64encode(values.tobytes()).decode()}
    dtype = values.dtype.name
    model = {"input": {"input": {"shape": shape[1:], "dtype": dtype}}, "layers": [layer | {"dtype": dtype}]}
    reply = service.client.post("/v1/activations", json={"model": model, "inputs": tensor, **options})
    reply.raise_for_status()
    return reply.content


def verdicts(sent: Array, back: Array) -> str:
    """Return for each value whether its bits came back; otherwise the value that did."""
    pairs = zip(sent, back.astype(sent.dtype), strict=True)
    return " ".join(f"{'same' if a.tobytes() == b.tobytes() else str(b):>11}" for a, b in pairs)


def main() -> None:
    """Print one table of formats, one of layers."""
    with TemporaryDirectory() as folder, running(Path(folder)) as service:
        print(f"{'':31} {' '.join(f'{name:>11}' for name in NAMES)}")
        for dtype in DTYPES:
            values = values_of(dtype)
            for name, (options, read) in FORMATS.items():
                back = read(through(service, values, LAYERS["Reshape"], False, **options))
                print(f"{dtype:9} {name:21} {verdicts(values, back)}")
        for dtype in DTYPES:
            values = values_of(dtype)
            for name, layer in LAYERS.items():
                content = through(service, values, layer, name.startswith("Dense"), data="base64")
                print(f"{dtype:9} {name:21} {verdicts(values, row_of(json.loads(content)['layers'][0]))}")


if __name__ == "__main__":
    main()
