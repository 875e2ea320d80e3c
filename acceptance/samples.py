"""Models, inputs and files for comparisons of services."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

CHAIN: dict[str, Any] = {
    "name": "chain", "input": [8, 8, 3], "seed": 3,
    "layers": [
        {"type": "Conv2D", "filters": 4, "kernel_size": 3, "padding": "same"},
        {"type": "BatchNormalization"}, {"type": "ReLU"}, {"type": "MaxPooling2D"},
        {"type": "Dropout", "rate": 0.25}, {"type": "Flatten"},
        {"type": "Dense", "units": 5, "activation": "softmax"},
    ],
}  # fmt: skip
TWO: dict[str, Any] = {
    "input": {"left": [4], "right": {"shape": [4], "dtype": "float16"}},
    "layers": [
        {"type": "Dense", "units": 3, "name": "a", "inputs": ["left"]},
        {"type": "Dense", "units": 3, "name": "b", "inputs": ["right"]},
        {"type": "Concatenate", "name": "both", "inputs": ["a", "b"]},
        {"type": "LSTM", "units": 2, "name": "lstm", "return_state": True, "inputs": ["steps"]},
    ],
}  # fmt: skip
TWO["layers"].insert(3, {"type": "Reshape", "target_shape": [3, 2], "name": "steps", "inputs": ["both"]})
TABLE: dict[str, Any] = {
    "input": {"ids": {"shape": [3], "dtype": "int32"}},
    "layers": [{"type": "Embedding", "input_dim": 9, "output_dim": 2}, {"type": "GlobalAveragePooling1D"}],
}
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8)
INPUT: dict[str, Any] = {"shape": [1, 8, 8, 3], "data": PIXELS.reshape(-1).tolist()}


def file_of(pixels: np.ndarray, kind: str) -> bytes:
    """An image file of these pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def saved(write: Any, *arguments: Any, **arrays: Any) -> bytes:
    """What NumPy writes to a file."""
    buffer = io.BytesIO()
    write(buffer, *arguments, **arrays)
    return buffer.getvalue()


PNG, LARGER = file_of(PIXELS, "PNG"), file_of(RANDOM.integers(0, 256, (20, 30, 3), dtype=np.uint8), "PNG")
NPY = saved(np.save, PIXELS[np.newaxis].astype(np.float32))
NPZ = saved(np.savez, left=np.ones((2, 4), np.float32), right=np.zeros((2, 4), np.float16))
