"""LitServe with one worker; its request body is JSON, the reply is written by orjson in the worker."""

from typing import Any

import litserve
import numpy as np
import orjson
from fastapi import Response

from benchmarks.samples import Array
from benchmarks.servers.arguments import port, sample


class Network(litserve.LitAPI):
    """The compiled function."""

    def setup(self, device: str) -> None:  # noqa: ARG002 (LitServe's interface)
        """Loads the network, in the worker; the front does without TensorFlow."""
        from benchmarks.compiled import Compiled  # noqa: PLC0415

        self._compiled = Compiled(sample())

    def decode_request(self, request: dict[str, Any]) -> Array:
        """`{"inputs": [[…]]}`."""
        return np.asarray(request["inputs"], np.float32)

    def predict(self, batch: Array) -> dict[str, Array]:
        """All outputs."""
        return self._compiled(batch)

    def encode_response(self, output: dict[str, Array]) -> Response:
        """Nested lists by layer."""
        return Response(orjson.dumps(output, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


if __name__ == "__main__":
    server = litserve.LitServer(Network(), accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(host="127.0.0.1", port=port(), generate_client_file=False, log_level="warning", access_log=False)
