"""Requests while an engine with TensorFlow crashes, hangs or stops; `test_stub_engines` covers everything else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import httpx
import pytest

StartServer = Callable[..., AbstractContextManager[Any]]

SMALL = {"input": [8, 8, 1], "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3}]}
PICTURE = [[[0.5]] * 8] * 8


@pytest.fixture(scope="module")
def impatient(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with a short deadline, whose engine the tests may stop; the last test stops the server."""
    with start_server(tmp_path_factory.mktemp("impatient"), DEADLINE="5") as server:
        yield server


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


async def test_a_killed_engine_fails_only_the_running_request(impatient: Any) -> None:
    """Of twelve queued requests at most one fails, with a 503 and Retry-After."""
    impatient.wait_ready()
    pid, url = impatient.engine_pid(), impatient.url
    replies = await post_all(url, documents_with_seeds(12), PICTURE, lambda: os.kill(pid, signal.SIGKILL))
    failed = [reply for reply in replies if reply.status_code != 200]
    assert len(failed) <= 1
    assert all(reply.status_code == 503 and reply.headers["retry-after"] for reply in failed)
    impatient.wait_until(lambda: impatient.engine_pid() != pid)


def test_a_deadline_stops_only_the_running_request(impatient: Any) -> None:
    """It gets a 504; those queued behind it are retried on the next engine and succeed."""
    impatient.wait_ready()
    pid = impatient.engine_pid()
    os.kill(pid, signal.SIGSTOP)  # a request that is predicted to take this long is not started
    replies = asyncio.run(post_all(impatient.url, documents_with_seeds(4), PICTURE))
    (stopped,) = (one for one in replies if one.status_code != 200)
    assert (stopped.status_code, stopped.json()["code"]) == (504, "deadline_exceeded")
    assert impatient.engine_pid() != pid


def test_sigterm_finishes_accepted_requests(impatient: Any) -> None:
    """SIGTERM during eight requests: all are answered, and the exit code is 0."""
    impatient.wait_ready()
    bodies = [json.dumps({"model": one, "inputs": PICTURE, "data": "none"}).encode() for one in documents_with_seeds(8)]
    with ExitStack() as connections:
        accepted = [connections.enter_context(impatient.begun("POST", "/v1/activations", len(one))) for one in bodies]
        for connection, body in zip(accepted, bodies, strict=True):
            connection.send(body)
        impatient.process.send_signal(signal.SIGTERM)
        assert [connection.getresponse().status for connection in accepted] == [200] * 8
        assert impatient.process.wait(timeout=60) == 0
