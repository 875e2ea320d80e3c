"""Requests while an engine crashes, hangs, starts or stops."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import httpx

StartServer = Callable[..., AbstractContextManager[Any]]

SMALL = {"input": [8, 8, 1], "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3}]}
PICTURE = [[[0.5]] * 8] * 8
ENDLESS = {
    "input": [4096, 8],
    "layers": [
        {"type": "LSTM", "units": 1024},
        {"type": "RepeatVector", "n": 16384},
        {"type": "LSTM", "units": 1024, "return_sequences": True},
        {"type": "LSTM", "units": 1024},
    ],
}
"""Sequential steps that take minutes and can be interrupted only by killing the process."""
SEQUENCE = {"shape": [1, 4096, 8], "dtype": "float32", "data": [0.5] * (4096 * 8)}


async def post_all(url: str, documents: list[dict[str, Any]], inputs: Any, then: Any = None) -> list[httpx.Response]:
    """Post all documents concurrently; `then` is called when the first has its response."""
    limits = httpx.Limits(max_connections=len(documents))
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        posts = [
            asyncio.create_task(
                client.post("/v1/activations", json={"model": document, "inputs": inputs, "data": "none"})
            )
            for document in documents
        ]
        if then is not None:
            await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
            then()
        return list(await asyncio.gather(*posts))


def documents_with_seeds(count: int) -> list[dict[str, Any]]:
    """Build documents that differ in their seed, so that each needs a build."""
    return [SMALL | {"seed": seed} for seed in range(count)]


async def test_a_killed_engine_fails_only_the_running_request(start_server: StartServer, tmp_path: Path) -> None:
    """Of fifty queued requests at most one fails, with a 503 and Retry-After."""
    with start_server(tmp_path) as server:
        pid = server.engine_pid()
        replies = await post_all(server.url, documents_with_seeds(50), PICTURE, lambda: os.kill(pid, signal.SIGKILL))
        failed = [reply for reply in replies if reply.status_code != 200]
        assert len(failed) <= 1
        assert all(reply.status_code == 503 and reply.headers["retry-after"] for reply in failed)
        assert server.engine_pid() != pid


def test_retry_after_is_the_engine_start_time(start_server: StartServer, tmp_path: Path) -> None:
    """The time that the last start took, TensorFlow's import included."""
    body = json.dumps({"model": SMALL, "inputs": PICTURE}).encode()
    with start_server(tmp_path) as server, server.begun("POST", "/v1/activations", len(body)) as lost:
        pid = server.engine_pid()
        os.kill(pid, signal.SIGSTOP)
        lost.send(body)
        server.client.get("/healthz").raise_for_status()  # is sent later, so the engine has the run by then
        os.kill(pid, signal.SIGKILL)
        reply = lost.getresponse()
        assert (reply.status, json.load(reply)["code"]) == (503, "engine_lost")
        seconds = int(reply.headers["retry-after"])
        assert seconds > 1
        refused = server.client.get("/readyz")
        assert (refused.status_code, 0 < int(refused.headers["retry-after"]) <= seconds) == (503, True)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_deadline_stops_only_the_running_request(start_server: StartServer, tmp_path: Path) -> None:
    """It gets a 504; those queued behind it are retried on the next engine and succeed."""
    with start_server(tmp_path, DEADLINE="10") as server:
        pid = server.engine_pid()
        os.kill(pid, signal.SIGSTOP)  # a request that is predicted to take this long is not started
        replies = asyncio.run(post_all(server.url, documents_with_seeds(4), PICTURE))
        (stopped,) = (one for one in replies if one.status_code != 200)
        assert (stopped.status_code, stopped.json()["code"]) == (504, "deadline_exceeded")
        assert server.engine_pid() != pid


def test_a_model_that_kills_two_engines_is_quarantined(start_server: StartServer, tmp_path: Path) -> None:
    """After two consecutive crashes it is rejected at once, and others are served."""
    with start_server(tmp_path, DEADLINE="3", MAX_MACS="1000000000000000") as server:
        codes = []
        for _ in range(3):
            reply = server.post("/v1/activations", json={"model": ENDLESS, "inputs": SEQUENCE, "data": "none"})
            codes.append((reply.status_code, reply.json()["code"]))
            server.wait_ready()
        assert codes[2] == (422, "quarantined")
        assert codes[:2] == [(504, "deadline_exceeded")] * 2
        assert server.run(SMALL, PICTURE)["layers"][0]["address"] == "conv2d"


def test_sigterm_finishes_accepted_requests(start_server: StartServer, tmp_path: Path) -> None:
    """SIGTERM during twenty requests: all are answered, and the exit code is 0."""
    bodies = [
        json.dumps({"model": one, "inputs": PICTURE, "data": "none"}).encode() for one in documents_with_seeds(20)
    ]
    with start_server(tmp_path) as server, ExitStack() as connections:
        accepted = [connections.enter_context(server.begun("POST", "/v1/activations", len(one))) for one in bodies]
        for connection, body in zip(accepted, bodies, strict=True):
            connection.send(body)
        server.process.send_signal(signal.SIGTERM)
        assert [connection.getresponse().status for connection in accepted] == [200] * 20
        assert server.process.wait(timeout=60) == 0


def test_the_front_serves_before_an_engine_is_ready(start_server: StartServer, tmp_path: Path) -> None:
    """`/healthz` is 200 and `/readyz` 503 at once; an early run waits for the engine."""
    with start_server(tmp_path, wait=False) as server:
        assert server.client.get("/healthz").json() == {"live": True}
        refused = server.client.get("/readyz")
        assert (refused.status_code, 0 < int(refused.headers["retry-after"]) <= 10) == (503, True)
        assert server.run(SMALL, PICTURE)["model"]["cached"] is False
        ready = server.client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["engines"][0]["devices"][0]["type"] == "CPU"


def test_a_full_queue_rejects_requests(start_server: StartServer, tmp_path: Path) -> None:
    """Requests beyond MAX_QUEUE get a 503 with Retry-After at once, the others are served."""
    with start_server(tmp_path, wait=False, MAX_QUEUE="5") as server:
        replies = asyncio.run(post_all(server.url, documents_with_seeds(12), PICTURE))
        statuses = sorted(reply.status_code for reply in replies)
        assert statuses == [200] * 5 + [503] * 7
        refused = [reply for reply in replies if reply.status_code == 503]
        assert all(reply.json()["code"] == "overloaded" and reply.headers["retry-after"] for reply in refused)


def test_require_gpu_without_a_gpu_is_never_ready(start_server: StartServer, tmp_path: Path) -> None:
    """Live but not ready; runs get a 503, and the reason is reported."""
    with start_server(tmp_path, REQUIRE_GPU="true", wait=False) as server:
        run = server.post("/v1/activations", json={"model": SMALL, "inputs": PICTURE})  # waits for the engine
        state = server.client.get("/readyz")
        assert server.plan(SMALL)["layers"]
        if any(device["type"] == "GPU" for engine in state.json()["engines"] for device in engine["devices"]):
            assert (run.status_code, state.status_code) == (200, 200)
        else:
            assert (run.status_code, run.json()["code"], state.status_code) == (503, "no_gpu", 503)
            assert "REQUIRE_GPU" in state.json()["reason"]


def test_two_engines_share_the_work(start_server: StartServer, tmp_path: Path) -> None:
    """With LAYERSCOPE_ENGINES=2 both become ready, and a crash of one fails at most its running request."""
    with start_server(tmp_path, ENGINES="2") as server:
        server.wait_ready(engines=2)
        pids = [engine["pid"] for engine in server.client.get("/readyz").json()["engines"]]
        assert len(set(pids)) == 2
        os.kill(pids[0], signal.SIGKILL)
        replies = asyncio.run(post_all(server.url, documents_with_seeds(20), PICTURE))
        assert sorted(reply.status_code for reply in replies)[:19] == [200] * 19
