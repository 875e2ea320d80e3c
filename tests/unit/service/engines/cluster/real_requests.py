"""Requests of every kind to real engines, and what they return without its times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from msgspec.structs import replace

from models.ipc.messages import CacheFigures, Planned, RunResult
from models.networks.expansion import expand
from models.reading.applications import graph_arguments, parse_application
from models.reading.parse import parse_document
from models.weights.specs import WeightsFile
from service.engines.engine_request import EngineRequest
from service.engines.pool import EnginePool
from service.engines.request_builders import (
    RunSpec,
    construct_request,
    plan_request,
    run_request,
    source_of,
    specs_request,
    weights_request,
)
from service.settings import Settings

CHAIN = {
    "input": [32, 32, 3],
    "layers": [
        {"type": "Conv2D", "filters": 16, "kernel_size": 3, "padding": "same"},
        {"type": "BatchNormalization"},
        {"type": "MaxPooling2D"},
        {"type": "Reshape", "target_shape": [16, 256]},
        {"type": "LSTM", "units": 4},
        {"type": "Dense", "units": 10, "activation": "softmax"},
    ],
}
OUTPUTS = ("conv2d", "batch_normalization", "max_pooling2d", "lstm", "dense")
NETWORK = expand(parse_document(CHAIN))
LIMITS = Settings()
PLANNED_SECONDS = re.compile(rb'"(build_)?seconds":[-+.e0-9]+,?')
"""Estimates, from rates that every engine measures."""


def requests(weights: WeightsFile) -> Iterator[EngineRequest[Any]]:
    """Yield requests: small and large runs, of one layer and all, in training, with statistics and weights."""
    drawn = np.random.default_rng(0)
    own, loaded = source_of(NETWORK), source_of(NETWORK, weights)
    specs = [RunSpec(OUTPUTS), RunSpec(("dense",)), RunSpec(OUTPUTS, stats=True, weights=True)]
    specs += [RunSpec(OUTPUTS, training=True), RunSpec(OUTPUTS, data=False, stats=True), RunSpec(("lstm",), texts=True)]
    for batch in (1, 16):
        pictures = drawn.random((batch, 32, 32, 3), np.float32)
        for source in (own, loaded):
            yield from (run_request(source, ["input"], [pictures], LIMITS, spec) for spec in specs)
    yield weights_request(own, None, LIMITS)
    yield weights_request(loaded, ("dense",), LIMITS)
    yield plan_request(NETWORK.document_bytes, {"input": (2, 32, 32, 3)}, OUTPUTS, {})
    yield specs_request(NETWORK.document_bytes)
    yield construct_request(graph_arguments(parse_application({"application": "MobileNetV2", "weights": None})))


async def reply_of(engines: EnginePool, request: EngineRequest[Any]) -> tuple[Any, list[bytes]]:
    """Return the header of a reply without times, and the bytes of its tensors."""
    result = await engines.submit(request)
    header = await result.header
    if isinstance(header, Planned):
        return PLANNED_SECONDS.sub(b"", header.plan), []
    if not isinstance(header, RunResult):
        return replace(header, id=0), []
    tensors = [bytes(view) for view in await result.all_tensors()]
    same = {"id": 0, "cached": True, "build_ms": 0, "run_ms": 0, "seconds": 0, "cache": CacheFigures()}
    return replace(header, payloads=(), **same), tensors
