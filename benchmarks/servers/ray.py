"""Ray Serve: one replica behind its HTTP proxy, set to throughput; bytes in and out as JSON or as they are."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import orjson
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.servers.arguments import port, sample


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Network:
    """The compiled function."""

    def __init__(self, folder_of: Any) -> None:
        from benchmarks.compiled import Compiled  # noqa: PLC0415 (in the replica; the proxy does without TensorFlow)

        self._compiled = Compiled(folder_of)

    async def __call__(self, request: Request) -> Response:
        """Nested JSON by layer, or one output's bytes behind the other."""
        body = await request.body()
        if request.url.path == "/ready":
            return Response()
        if request.url.path == "/json":
            outputs = self._compiled(np.asarray(orjson.loads(body)["inputs"], np.float32))
            return Response(orjson.dumps(outputs, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
        batch = np.frombuffer(body, request.url.path.rpartition("/")[2]).reshape(-1, *self._compiled.shape)
        return Response(b"".join(self._compiled(batch).values()), media_type="application/octet-stream")


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False)
    serve.start(http_options=serve.config.HTTPOptions(host="127.0.0.1", port=port()))
    serve.run(Network.bind(sample()), route_prefix="/")
    while True:
        time.sleep(3600)
