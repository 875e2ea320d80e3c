"""MLServer with a runtime of its own making, in one process."""

from __future__ import annotations

import asyncio

import numpy as np
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.compiled import Compiled
from benchmarks.servers.arguments import port, sample

MODEL = "measured"


class Network(MLModel):
    """The compiled function behind the Open Inference Protocol; this server's JSON has no binary tensors."""

    async def load(self) -> bool:
        """Loads the network."""
        self._compiled = Compiled(sample())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """All outputs."""
        batch = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        outputs = [NumpyCodec.encode_output(name, value) for name, value in self._compiled(batch).items()]
        return InferenceResponse(model_name=self.name, outputs=outputs)


async def serve() -> None:
    """No worker processes, no metrics, no log line a request."""
    settings = Settings(
        debug=False, host="127.0.0.1", http_port=port(), grpc_port=port() + 1, parallel_workers=0,
        metrics_endpoint=None, load_models_at_startup=False,
    )  # fmt: skip
    await MLServer(settings).start([ModelSettings(name=MODEL, implementation=Network)])


if __name__ == "__main__":
    asyncio.run(serve())
