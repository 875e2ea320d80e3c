"""Warm-up of an engine before it takes requests, so that the first request does not pay for it."""

from __future__ import annotations

import gc
import time

import numpy as np
import orjson

from models.engine.execution import Execution
from models.engine.rates import measure_rates
from models.engine.time_estimate import TimeBudget
from models.ipc.messages import Payload, Run, TensorInfo

WARM_UP = {
    "input": [8, 8, 1],
    "layers": [
        {"type": "Conv2D", "filters": 2, "kernel_size": 3, "activation": "relu"},
        {"type": "BatchNormalization"},
        {"type": "MaxPooling2D"},
        {"type": "Flatten"},
        {"type": "Dense", "units": 2, "activation": "softmax"},
    ],
}
"""A network that initialises what the first request would otherwise pay for."""


GARBAGE_OBJECTS = 5_000
"""Containers allocated between garbage collections. Building a network allocates tens of thousands that stay: with
Python's 700, collections take 1.4 ms of 35. What a removed network leaves is collected at once, by the cache.
"""


def warm_up(execution: Execution) -> float:
    """Build and run a small network and measure the machine; returns milliseconds. Objects that exist then are excluded
    from garbage collection, which begins only now.
    """
    started = time.perf_counter()
    array = np.zeros((1, 8, 8, 1), np.float32)
    info = TensorInfo("input", "float32", array.shape, array.nbytes)
    document = orjson.dumps(WARM_UP)
    request = Run(0, "warm-up", document, (info,), (Payload(array.tobytes()),), ("dense",), data=True, stats=True,
                  weights=False, training=False, max_bytes=1 << 20, max_macs=1 << 40)  # fmt: skip
    execution.run(request, [array])
    execution.cache.clear()
    execution.time = TimeBudget(measure_rates(), execution.limits.deadline)
    gc.freeze()  # without a collection, which takes 0.25 s: a thousand objects of all are garbage
    gc.set_threshold(GARBAGE_OBJECTS)
    gc.enable()  # __main__ disabled it
    return (time.perf_counter() - started) * 1e3
