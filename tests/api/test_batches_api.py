"""Dynamic batching: queued requests run as one batch where the setting allows it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio

from service.engines.pool import EnginePool
from tests.unit.serving import running, wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL: dict[str, Any] = {
    "input": [28, 28, 1],
    "layers": [
        {"type": "Conv2D", "filters": 3, "kernel_size": 3, "padding": "same", "activation": "relu"},
        {"type": "Flatten"},
        {"type": "Dense", "units": 10, "activation": "softmax"},
    ],
}
TABLE = {"input": {"shape": [3], "dtype": "int64"}, "layers": [{"type": "Embedding", "input_dim": 9, "output_dim": 2}]}
RUN = "/v1/models/{}/activations"
PICTURES = np.random.default_rng(0).random((16, 28, 28, 1)).round(3)


class Batching:
    """A service that runs up to sixteen requests together, and its client."""

    def __init__(self, engines: EnginePool, client: httpx.AsyncClient) -> None:
        self.engines, self.client = engines, client

    async def post(self, name: str, body: dict[str, Any]) -> httpx.Response:
        """Run a registered model."""
        return await self.client.post(RUN.format(name), json=body)

    async def post_together(self, name: str, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
        """Return the replies to requests that are all queued before the engine takes the first."""
        pid = self.engines.states()[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            posts = [asyncio.create_task(self.post(name, body)) for body in bodies]
            await wait_until(lambda: self.engines.slots[0].load == len(bodies))
        finally:
            os.kill(pid, signal.SIGCONT)
        return list(await asyncio.gather(*posts))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def batching(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Batching]:
    """A service with two warm models."""
    options = {"batch_requests": 16, "queue_seconds": 60.0}
    async with (
        running(tmp_path_factory.mktemp("batching"), pool=EnginePool, deadline=60.0, **options) as service,
        httpx.AsyncClient(base_url=service.url, timeout=120) as client,
    ):
        batching = Batching(service.engines, client)
        for name, model, inputs in (("pictures", MODEL, PICTURES[:1].tolist()), ("table", TABLE, [[1, 2, 3]])):
            (await client.put(f"/v1/models/{name}", json=model)).raise_for_status()
            (await batching.post(name, {"inputs": inputs})).raise_for_status()
        yield batching


async def test_queued_requests_run_as_one_batch(batching: Batching) -> None:
    """The first runs alone; the others report one run time, and each reply equals that of a single run."""
    replies = await batching.post_together("pictures", [{"inputs": [picture.tolist()]} for picture in PICTURES])
    times = [reply.json()["timing"]["run_ms"] for reply in replies]
    assert sorted(times.count(time) for time in set(times)) == [1, 15]
    for picture, reply in zip(PICTURES, replies, strict=True):
        alone = (await batching.post("pictures", {"inputs": [picture.tolist()]})).json()
        for row, own in zip(reply.json()["layers"], alone["layers"], strict=True):
            np.testing.assert_allclose(row["data"], own["data"], rtol=1e-4, atol=1e-6)
            assert row["stats"]["max"] == pytest.approx(own["stats"]["max"], rel=1e-4)
            assert row["shape"] == own["shape"]


async def test_an_invalid_request_does_not_fail_its_batch(batching: Batching) -> None:
    """Only the request with an id out of range, which shows at the lookup, gets a 422."""
    bodies = [{"inputs": [[number % 9, 99 if number == 7 else 1, 2]], "data": "base64"} for number in range(16)]
    replies = await batching.post_together("table", bodies)
    assert [reply.status_code for reply in replies] == [422 if number == 7 else 200 for number in range(16)]
    assert replies[7].json()["code"] == "invalid_tensor"
    for body, reply in zip(bodies, replies, strict=True):
        if reply.status_code == 200:
            alone = await batching.post("table", body)
            assert reply.json()["layers"] == alone.json()["layers"]


async def test_different_models_and_options_are_not_mixed(batching: Batching) -> None:
    """Sixteen requests alternate between two selections, with and without statistics."""
    kinds: list[dict[str, Any]] = [{"layers": ["dense"]}, {"layers": ["conv2d"], "stats": False}]
    bodies = [{"inputs": [PICTURES[n].tolist()], "data": "base64", **kinds[n % 2]} for n in range(16)]
    for number, reply in enumerate(await batching.post_together("pictures", bodies)):
        (row,) = reply.json()["layers"]
        assert (row["address"], "stats" in row) == (("dense", True) if number % 2 == 0 else ("conv2d", False))


async def test_etags_are_weak_when_batching(batching: Batching) -> None:
    """The bits may depend on the batch, also in formats without timings."""
    reply = await batching.post("pictures", {"inputs": PICTURES[:1].tolist(), "format": "npz"})
    assert reply.headers["etag"].startswith('W/"')
