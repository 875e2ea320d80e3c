"""Readers of replies: each gives the tensors by layer, to be compared with what Keras answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
import orjson
import safetensors.numpy

from benchmarks.samples import Array, Sample

Reader = Callable[[bytes, Mapping[str, str]], dict[str, Array]]
Headers = Mapping[str, str]
DTYPES = {"FP32": np.float32}


def named(reply: bytes, _: Headers) -> dict[str, Array]:
    """`{"conv2d": [[…]]}`."""
    return {name: np.asarray(value, np.float32) for name, value in orjson.loads(reply).items()}


def one_after_the_other(sample: Sample) -> Reader:
    """The outputs' bytes in the order of the network, nothing else."""

    def read(reply: bytes, _: Headers) -> dict[str, Array]:
        values, offset = {}, 0
        for name, value in sample.expected.items():
            values[name] = np.frombuffer(reply, np.float32, value.size, offset).reshape(value.shape)
            offset += value.nbytes
        if offset != len(reply):
            raise ValueError(f"{len(reply)} bytes instead of {offset}")
        return values

    return read


def layerscope(reply: bytes, _: Headers) -> dict[str, Array]:
    """`{"layers": [{"address", "data"}]}`."""
    rows: list[dict[str, Any]] = orjson.loads(reply)["layers"]
    return {row["address"]: np.asarray(row["data"], np.float32) for row in rows}


def tensors(reply: bytes, _: Headers) -> dict[str, Array]:
    """A safetensors file."""
    return dict(safetensors.numpy.load(reply))


def open_inference(reply: bytes, headers: Headers) -> dict[str, Array]:
    """The Open Inference Protocol: values in the JSON, or behind it in the order of the outputs."""
    length = int(headers.get("inference-header-content-length", len(reply)))
    values = {}
    for output in orjson.loads(reply[:length])["outputs"]:
        shape, dtype = output["shape"], DTYPES[output["datatype"]]
        if "data" in output:
            values[output["name"]] = np.asarray(output["data"], dtype).reshape(shape)
        else:
            values[output["name"]] = np.frombuffer(reply, dtype, prod(shape), length).reshape(shape)
            length += output["parameters"]["binary_data_size"]
    return values
