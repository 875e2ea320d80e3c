"""Requests of the Open Inference Protocol, as Triton's and KServe's clients write them."""

from __future__ import annotations

from typing import Any

import orjson

from benchmarks.peers.peer import JSON, Request
from benchmarks.replies import open_inference
from benchmarks.samples import Sample


def as_json(path: str, sample: Sample) -> Request:
    """Flat JSON in and out."""
    body = _described(sample, data=sample.picture.ravel())
    return Request(path, JSON, orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), open_inference)


def as_bytes(path: str, sample: Sample) -> Request:
    """Binary tensor data in and out, behind a JSON that describes them."""
    data = sample.picture.tobytes()
    described = orjson.dumps(
        _described(sample, parameters={"binary_data_size": len(data)}) | {"parameters": {"binary_data_output": True}}
    )
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(described)),
    }
    return Request(path, headers, described + data, open_inference)


def _described(sample: Sample, **values: Any) -> dict[str, Any]:
    tensor = {"name": "input", "shape": list(sample.picture.shape), "datatype": "FP32", **values}
    return {"inputs": [tensor], "outputs": [{"name": name} for name in sample.expected]}
