"""Concurrent requests: replies do not depend on each other, and memory stays within its budget."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

if TYPE_CHECKING:
    from tests.conftest import Server

StartServer = Callable[..., AbstractContextManager[Any]]

CONVOLUTION: dict[str, Any] = {
    "input": [16, 16, 3],
    "layers": [
        {"type": "Conv2D", "filters": 8, "kernel_size": 3, "activation": "relu"},
        {"type": "BatchNormalization"},
        {"type": "MaxPooling2D"},
        {"type": "Dropout", "rate": 0.5},
        {"type": "Flatten"},
        {"type": "Dense", "units": 10, "activation": "softmax"},
    ],
}
RECURRENT: dict[str, Any] = {"input": [None, 4], "layers": [{"type": "LSTM", "units": 5, "return_sequences": True}]}
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.normal(size=(3, 16, 16, 3)).round(3)
SEQUENCE = RANDOM.normal(size=(2, 9, 4)).round(3).tolist()

Kind = tuple[str, str, dict[str, Any] | None]


def run(model: Any, inputs: Any, **options: Any) -> Kind:
    """Build a run."""
    return ("POST", "/v1/activations", {"model": model, "inputs": inputs, **options})


KINDS: list[Kind] = [
    run(CONVOLUTION, PICTURES.tolist(), weights=True),
    run(CONVOLUTION, PICTURES[0].tolist(), format="npz"),
    run(CONVOLUTION, PICTURES.tolist(), training=True, format="npz"),
    run(CONVOLUTION | {"seed": 1}, PICTURES.tolist(), layers=["dense"]),
    run(RECURRENT, SEQUENCE, format="npz"),
    run(RECURRENT, SEQUENCE[0][:3], data="base64"),
    run([{"type": "UpSampling2D", "size": 8}], PICTURES.tolist(), format="npz"),
    run(CONVOLUTION, [[1, 2], [3]]),
    run(CONVOLUTION, PICTURES.tolist(), layers=["dens"]),
    ("POST", "/v1/plan", {"model": CONVOLUTION, "batch": 64}),
    ("GET", "/v1/layers/Conv2D", None),
    ("GET", "/healthz", None),
]
"""Successes and errors, small and large, of several models and formats."""


def reproducible_part(reply: httpx.Response) -> tuple[int, bytes]:
    """Return the reproducible part of a response: all but times and the request id."""
    if "json" not in reply.headers["content-type"]:
        return reply.status_code, reply.content
    body = reply.json()
    for key in ("timing", "request_id"):
        body.pop(key, None)
    if "cached" in body.get("model", {}):
        del body["model"]["cached"]
    return reply.status_code, json.dumps(body).encode()


async def send_concurrently(url: str, kinds: list[Kind]) -> list[httpx.Response]:
    """Send all requests concurrently, each on its own connection, and return the responses."""
    limits = httpx.Limits(max_connections=len(kinds), max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        return list(await asyncio.gather(*(client.request(method, path, json=body) for method, path, body in kinds)))


async def test_concurrent_replies_equal_sequential_replies(server: Server) -> None:
    """A hundred mixed requests in shuffled order return the same bytes as one by one, before and after."""
    alone = [reproducible_part(server.client.request(method, path, json=body)) for method, path, body in KINDS]
    assert [status for status, _ in alone] == [200] * 7 + [422] * 2 + [200] * 3
    order = np.random.default_rng(1).permutation(np.arange(96) % len(KINDS)).tolist()
    replies = await send_concurrently(server.url, [KINDS[number] for number in order])
    wrong = [number for number, reply in zip(order, replies, strict=True) if reproducible_part(reply) != alone[number]]
    assert wrong == []
    assert [reproducible_part(server.client.request(method, path, json=body)) for method, path, body in KINDS] == alone


async def test_identical_first_requests_build_the_model_once(server: Server) -> None:
    """Of twenty requests for a new model, one builds it, and all get the same numbers."""
    replies = await send_concurrently(server.url, [run(CONVOLUTION | {"seed": 2}, PICTURES.tolist())] * 20)
    assert sorted(reply.json()["model"]["cached"] for reply in replies) == [False] + [True] * 19
    assert len({reproducible_part(reply) for reply in replies}) == 1


async def test_examples_do_not_affect_each_other_in_a_batch(server: Server) -> None:
    """Up to differences of float32 summation order."""
    together = server.run(CONVOLUTION, PICTURES.tolist(), layers=["dense"])["layers"][0]["data"]
    for number, picture in enumerate(PICTURES):
        alone = server.run(CONVOLUTION, picture.tolist(), layers=["dense"])["layers"][0]["data"]
        np.testing.assert_allclose(alone, together[number : number + 1], rtol=1e-5)


async def test_runs_overtake_a_long_plan(server: Server) -> None:
    """The only engine plans thousands of layers while it serves runs, with the same result."""
    layers = [{"type": "Conv2D", "filters": 2, "kernel_size": 3, "padding": "same"} for _ in range(1500)]
    async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
        method, path, body = KINDS[0]
        await client.request(method, path, json=body)
        plan = asyncio.create_task(client.post("/v1/plan", json={"model": {"input": [8, 8, 1], "layers": layers}}))
        started, replies = time.monotonic(), []
        while not (await asyncio.wait([plan], timeout=0.2))[0]:
            replies.append(await client.request(method, path, json=body))
        report, seconds = (await plan).json(), time.monotonic() - started
    assert {reply.status_code for reply in replies} == {200}
    assert max(reply.elapsed.total_seconds() for reply in replies) < seconds / 2
    assert (len(report["layers"]), report["layers"][-1]["shape"]) == (1500, [1, 8, 8, 2])


async def test_the_store_supports_concurrent_writers(server: Server) -> None:
    """Names sharing two documents are put and deleted concurrently; every remaining name is usable."""
    names = [f"many-{number}" for number in range(10)]
    tasks: list[Kind] = []
    for number in range(96):
        path = f"/v1/models/{names[number * 7 % 10]}"
        tasks += [("DELETE", path, None) if number % 3 == 2 else ("PUT", path, CONVOLUTION | {"seed": number % 2})]
    replies = await send_concurrently(server.url, tasks)
    assert {reply.status_code for reply in replies} <= {200, 201, 204, 404}
    listed = [entry for entry in server.client.get("/v1/models").json()["models"] if entry["name"] in names]
    for entry in listed:
        summary = server.client.get(f"/v1/models/{entry['name']}").json()
        assert (summary["id"], summary["parameters"]) == (entry["id"], 4186)
        assert server.client.delete(f"/v1/models/{entry['name']}").status_code == 204


def resident_mib(pid: int) -> float:
    """Return the anonymous memory of a process; memory shared with the front is not included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (anonymous,) = [line.split()[1] for line in lines if line.startswith("RssAnon")]
    return int(anonymous) / 1024


def test_engine_memory_is_bounded_by_the_cache_budget(start_server: StartServer, tmp_path: Path) -> None:
    """150 different models of 1 MiB with a cache of 32 MiB: at most 96 MiB in all."""
    budget = 32
    with start_server(tmp_path, CACHE_BYTES=f"{budget}MiB") as server:
        pid = server.engine_pid()
        start = resident_mib(pid)
        for seed in range(150):
            model = {"seed": seed, "input": [512], "layers": [{"type": "Dense", "units": 512 + seed % 7}]}
            assert server.run(model, [1] * 512, data="none")["model"]["cached"] is False
        assert resident_mib(pid) - start < budget + 64
        assert server.engine_pid() == pid
        last = server.run(model, [1] * 512, data="none")
        assert last["model"]["cached"] is True
