"""A Starlette application written for this one model: what a careful person can get out of one process."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.compiled import Compiled
from benchmarks.samples import Sample


def application(network: Compiled) -> Starlette:
    """JSON in and out, or raw bytes in and out, one output behind the other. Nothing is awaited while it computes."""

    async def ready(_: Request) -> Response:
        return Response()

    async def as_json(request: Request) -> Response:
        outputs = network(np.asarray(orjson.loads(await request.body())["inputs"], np.float32))
        named = {name: value.numpy() for name, value in zip(network.names, outputs, strict=True)}
        return Response(orjson.dumps(named, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")

    async def as_bytes(request: Request) -> Response:
        batch = np.frombuffer(await request.body(), request.path_params["dtype"]).reshape(-1, *network.shape)
        return Response(b"".join(map(memoryview, network(batch))), media_type="application/octet-stream")

    return Starlette(
        routes=[
            Route("/ready", ready),
            Route("/json", as_json, methods=["POST"]),
            Route("/binary/{dtype}", as_bytes, methods=["POST"]),
        ]
    )


if __name__ == "__main__":
    app = application(Compiled(Sample(Path(sys.argv[1]))))
    uvicorn.run(app, port=int(sys.argv[2]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
