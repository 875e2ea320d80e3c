"""Requests of the Open Inference Protocol, as Triton's and KServe's clients write them."""

from __future__ import annotations

from typing import Any

import orjson

from benchmarks.peers.peer import JSON, Request
from benchmarks.replies import open_inference
from benchmarks.samples import Sample


def as_json(path: str, sample: Sample) -> Request:
    """Flat JSON in and out."""
    body = _body(sample, False, data=sample.picture.ravel())
    return Request(path, JSON, body, open_inference)


def as_bytes(path: str, sample: Sample) -> Request:
    """Binary tensor data in and out, behind a JSON that describes them."""
    data = sample.picture.tobytes()
    described = _body(sample, True, parameters={"binary_data_size": len(data)})
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(described)),
    }
    return Request(path, headers, described + data, open_inference)


def _body(sample: Sample, binary: bool, **values: Any) -> bytes:
    """All outputs by name; `values` are those of the input, or where they are."""
    tensor = {"name": "input", "shape": list(sample.picture.shape), "datatype": "FP32", **values}
    outputs = [{"name": name, "parameters": {"binary_data": binary}} for name in sample.expected]
    return orjson.dumps({"inputs": [tensor], "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
