"""Layerscope itself, started as its users start it; the model is registered from the same file."""

from __future__ import annotations

import io
from dataclasses import replace
from urllib.parse import quote

import httpx
import numpy as np

from benchmarks.documents import six_layers
from benchmarks.peers import open_inference
from benchmarks.peers.peer import JSON, Peer, Request, json_body
from benchmarks.replies import layerscope, tensors
from benchmarks.samples import Array, Sample

MODEL = "/v1/models/measured"
NPY = {"Content-Type": "application/x-npy", "Accept": "application/vnd.safetensors"}
DOCUMENT = six_layers(28, 3, 3, 10)
"""The network of the workload tiny; only there a request brings its model along."""


def command(python: str, sample: Sample, port: int) -> list[str]:
    """`layerscope serve` with its defaults, and a store of its own."""
    return [python, "-m", "service.cli", "serve", "--port", str(port), "--data-dir", str(sample.folder / "store")]


def register(url: str, sample: Sample) -> None:
    """Gives the service the workload's `.keras` file."""
    reply = httpx.put(url + MODEL, files={"weights": ("model.keras", sample.model.read_bytes())}, timeout=120)
    reply.raise_for_status()


def requests(sample: Sample) -> dict[str, Request]:
    """The same layers as JSON without statistics and as bytes; then what else users may ask for."""
    path = f"{MODEL}/activations?layers={quote(','.join(sample.expected))}"
    return {
        "json": Request(f"{path}&stats=false", JSON, json_body(sample), layerscope),
        "binary": Request(path, NPY, _npy(sample.picture), tensors),
        "uint8": Request(path, NPY, _npy(sample.picture.astype(np.uint8)), tensors),
        "json with statistics": Request(path, JSON, json_body(sample), layerscope),
        "binary /v2": open_inference.as_bytes("/v2/models/measured/infer", sample),
        "json with the model": Request(
            "/v1/activations", JSON, json_body(sample, model=DOCUMENT, stats=False), layerscope, own_weights=True
        ),
    }


def _npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


PEER = Peer(command, requests, ready="/readyz", prepare=register)
TOGETHER = replace(PEER, variables={"LAYERSCOPE_BATCH_REQUESTS": "16"}, workloads=("tiny", "mnv2"))
"""With the setting under which waiting requests run as one batch."""
