"""NVIDIA's Triton through pytriton, which runs its server and hands it this process' function over shared memory."""

from __future__ import annotations

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from benchmarks.compiled import Compiled
from benchmarks.samples import Array
from benchmarks.servers.arguments import port, sample

MODEL = "measured"
SMALL = 2**20
JOINED = 16
"""Requests that its batcher may join: that makes small ones three times faster, and large ones a tenth slower."""


def serve() -> None:
    """One model, with its batcher for small replies."""
    expected = sample().expected
    compiled, shapes = Compiled(sample()), {name: value.shape[1:] for name, value in expected.items()}
    joined = JOINED if sum(value.nbytes for value in expected.values()) < SMALL else 1

    @batch
    def infer(**inputs: Array) -> dict[str, Array]:
        return compiled(inputs["input"])

    config = TritonConfig(http_address="127.0.0.1", http_port=port(), grpc_port=port() + 1, allow_metrics=False)
    with Triton(config=config) as triton:
        triton.bind(
            model_name=MODEL,
            infer_func=infer,
            inputs=[Tensor(name="input", dtype=np.float32, shape=compiled.shape)],
            outputs=[Tensor(name=name, dtype=np.float32, shape=shape) for name, shape in shapes.items()],
            config=ModelConfig(max_batch_size=joined, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
        )
        triton.serve()


if __name__ == "__main__":
    serve()
