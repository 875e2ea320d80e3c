"""Small networks that come with the request."""

from __future__ import annotations

import json
from typing import Any


def six_layers(side: int, kernel_size: int, filters: int, units: int) -> dict[str, Any]:
    """The layers of the workload tiny, in sizes of one's own."""
    return {
        "input": [side, side, 1],
        "layers": [
            {"type": "Conv2D", "filters": filters, "kernel_size": kernel_size, "padding": "same"},
            {"type": "BatchNormalization"},
            {"type": "ReLU"},
            {"type": "MaxPooling2D"},
            {"type": "Flatten"},
            {"type": "Dense", "units": units, "activation": "softmax"},
        ],
    }


def body(model: dict[str, Any], side: int) -> bytes:
    """JSON of a model with its input, a batch of one."""
    picture = [[[float(row * column % 256)] for column in range(side)] for row in range(side)]
    return json.dumps({"model": model, "inputs": [picture], "stats": False}).encode()
