"""A Starlette application written for this one model: what a careful person can get out of one process."""

from __future__ import annotations

import numpy as np
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.compiled import Compiled
from benchmarks.servers.arguments import port, sample


def application(compiled: Compiled) -> Starlette:
    """JSON in and out, or raw bytes in and out, one output behind the other. Nothing is awaited while it computes."""

    async def ready(_: Request) -> Response:
        return Response()

    async def as_json(request: Request) -> Response:
        outputs = compiled(np.asarray(orjson.loads(await request.body())["inputs"], np.float32))
        return Response(orjson.dumps(outputs, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")

    async def as_bytes(request: Request) -> Response:
        batch = np.frombuffer(await request.body(), request.path_params["dtype"]).reshape(-1, *compiled.shape)
        return Response(b"".join(compiled(batch).values()), media_type="application/octet-stream")

    return Starlette(
        routes=[
            Route("/ready", ready),
            Route("/json", as_json, methods=["POST"]),
            Route("/binary/{dtype}", as_bytes, methods=["POST"]),
        ]
    )


if __name__ == "__main__":
    app = application(Compiled(sample()))
    uvicorn.run(app, port=port(), loop="uvloop", http="httptools", access_log=False, log_level="warning")
