"""Dynamic batching: queued requests run as one batch where the setting allows it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import numpy as np
import pytest

StartServer = Callable[..., AbstractContextManager[Any]]
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


@pytest.fixture(scope="module")
def batching(tmp_path_factory: pytest.TempPathFactory, start_server: StartServer) -> Iterator[Any]:
    """A server that runs up to sixteen requests together, with two warm models."""
    with start_server(tmp_path_factory.mktemp("batching"), BATCH_REQUESTS="16") as server:
        for name, model, inputs in (("pictures", MODEL, PICTURES[:1].tolist()), ("table", TABLE, [[1, 2, 3]])):
            server.client.put(f"/v1/models/{name}", json=model).raise_for_status()
            server.post(RUN.format(name), json={"inputs": inputs}).raise_for_status()
        yield server


async def send_while_stopped(server: Any, name: str, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    """Return the replies to requests that are all queued before the engine takes the first."""
    pid = server.engine_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            posts = [asyncio.create_task(client.post(RUN.format(name), json=body)) for body in bodies]
            await asyncio.sleep(1)
            os.kill(pid, signal.SIGCONT)
            return list(await asyncio.gather(*posts))
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_queued_requests_run_as_one_batch(batching: Any) -> None:
    """The first runs alone; the others report one run time, and each reply equals that of a single run."""
    sizes: list[int] = []
    for _ in range(5):  # a busy machine may not have read them all before the engine resumes
        replies = await send_while_stopped(
            batching, "pictures", [{"inputs": [picture.tolist()]} for picture in PICTURES]
        )
        times = [reply.json()["timing"]["run_ms"] for reply in replies]
        sizes = sorted(times.count(time) for time in set(times))
        if sizes == [1, 15]:
            break
    assert sizes == [1, 15]
    for picture, reply in zip(PICTURES, replies, strict=True):
        alone = batching.post(RUN.format("pictures"), json={"inputs": [picture.tolist()]}).json()
        for row, own in zip(reply.json()["layers"], alone["layers"], strict=True):
            np.testing.assert_allclose(row["data"], own["data"], rtol=1e-4, atol=1e-6)
            assert row["stats"]["max"] == pytest.approx(own["stats"]["max"], rel=1e-4)
            assert row["shape"] == own["shape"]


async def test_an_invalid_request_does_not_fail_its_batch(batching: Any) -> None:
    """Only the request with an id out of range, which shows at the lookup, gets a 422."""
    bodies = [{"inputs": [[number % 9, 99 if number == 7 else 1, 2]], "data": "base64"} for number in range(16)]
    replies = await send_while_stopped(batching, "table", bodies)
    assert [reply.status_code for reply in replies] == [422 if number == 7 else 200 for number in range(16)]
    assert replies[7].json()["code"] == "invalid_tensor"
    for body, reply in zip(bodies, replies, strict=True):
        if reply.status_code == 200:
            alone = batching.post(RUN.format("table"), json=body).json()
            assert reply.json()["layers"] == alone["layers"]


async def test_different_models_and_options_are_not_mixed(batching: Any) -> None:
    """Sixteen requests alternate between two selections, with and without statistics."""
    kinds: list[dict[str, Any]] = [{"layers": ["dense"]}, {"layers": ["conv2d"], "stats": False}]
    bodies = [{"inputs": [PICTURES[n].tolist()], "data": "base64", **kinds[n % 2]} for n in range(16)]
    for number, reply in enumerate(await send_while_stopped(batching, "pictures", bodies)):
        (row,) = reply.json()["layers"]
        assert (row["address"], "stats" in row) == (("dense", True) if number % 2 == 0 else ("conv2d", False))


async def test_an_engine_crash_does_not_quarantine_batched_models(batching: Any) -> None:
    """The batched requests are retried one by one; only the one that ran first and alone fails."""
    pid = batching.engine_pid()
    os.kill(pid, signal.SIGSTOP)
    async with httpx.AsyncClient(base_url=batching.url, timeout=60) as client:
        body = {"inputs": [PICTURES[0].tolist()], "data": "none"}
        posts = [asyncio.create_task(client.post(RUN.format("pictures"), json=body)) for _ in range(16)]
        await asyncio.sleep(1)
        os.kill(pid, signal.SIGKILL)
        statuses = sorted([reply.status_code for reply in await asyncio.gather(*posts)])
    assert statuses == [200] * 15 + [503]


def test_etags_are_weak_when_batching(batching: Any) -> None:
    """The bits may depend on the batch, also in formats without timings."""
    body = {"inputs": PICTURES[:1].tolist(), "format": "npz"}
    assert batching.post(RUN.format("pictures"), json=body).headers["etag"].startswith('W/"')
