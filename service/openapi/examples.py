"""Examples of requests; each works as it is."""

from __future__ import annotations

from typing import Any

SMALL_DOCUMENT: dict[str, Any] = {
    "name": "tiny",
    "input": [4, 4, 1],
    "layers": [
        {"type": "Conv2D", "filters": 2, "kernel_size": 3, "padding": "same", "activation": "relu"},
        {"type": "MaxPooling2D"},
        {"type": "Flatten"},
        {"type": "Dense", "units": 2, "activation": "softmax"},
    ],
}
SMALL_INPUT = {"shape": [1, 4, 4, 1], "data": list(range(16))}
RUN_EXAMPLE = {"model": SMALL_DOCUMENT, "inputs": SMALL_INPUT, "layers": ["conv2d", "dense"]}
EXPLANATION_EXAMPLE = {
    "model": SMALL_DOCUMENT, "inputs": SMALL_INPUT, "of": "dense[1]", "to": ["input", "conv2d"],
}  # fmt: skip
ARITHMETIC_EXAMPLE = {"model": SMALL_DOCUMENT, "inputs": SMALL_INPUT, "of": "conv2d[0, 0, 2, 1]"}
COMPARISON_EXAMPLE = {
    "a": {"model": SMALL_DOCUMENT, "inputs": SMALL_INPUT}, "b": {"dtype": "float16"}, "layers": ["conv2d", "dense"],
}  # fmt: skip
MODEL_COMPARISON_EXAMPLE = {"inputs": SMALL_INPUT, "b": {"dtype": "float16"}, "weights": True}
DIAGNOSIS_EXAMPLE = {"model": SMALL_DOCUMENT, "inputs": SMALL_INPUT, "layers": ["conv2d", "dense"]}
PLAN_EXAMPLE = {
    "model": {"input": [1920, 1080, 3], "layers": [{"type": "Conv2D", "filters": 16, "kernel_size": 5, "strides": 5}]},
    "batch": 64,
}
