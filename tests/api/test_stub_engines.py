"""Requests while an engine crashes, stalls, starts, stops or breaks the protocol: stub engines, and the real front."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import load

from tests.unit.serving import Running, StoppedPool, StubPool, running, signal_engines, wait_until

StartServer = Callable[..., AbstractContextManager[Any]]


@asynccontextmanager
async def stub_service(
    folder: Path, pool: type[StubPool] = StubPool, **options: Any
) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    """Run a service with stub engines; yield it, and a client."""
    async with running(folder, pool=pool, **{"queue_seconds": 60.0, **options}) as service:
        if pool is StubPool:
            await wait_until(lambda: all(engine.ready for engine in service.engines.states()))
        async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
            yield service, client


def document(name: str | None = None, units: int = 1, seed: int = 0) -> dict[str, Any]:
    """Build a document whose name has a stub engine misbehave; `units` is its structure."""
    return {"name": name, "seed": seed, "input": [2], "layers": [{"type": "Dense", "units": units}]}


def post(client: httpx.AsyncClient, model: dict[str, Any], inputs: Any = (3, 4), **options: Any) -> asyncio.Task[Any]:
    """Post a run in the background."""
    body = {"model": model, "inputs": inputs, **options}
    return asyncio.create_task(client.post("/v1/activations", json=body))


def outcome(reply: httpx.Response) -> tuple[int, str | None]:
    """Return the status of a response, and the code of its error."""
    return reply.status_code, reply.json().get("code")


def output(reply: httpx.Response) -> Any:
    """Return the numbers of the only layer of a response."""
    (layer,) = reply.json()["layers"]
    return layer["data"]


def batch_size(reply: httpx.Response) -> int:
    """Return the number of runs in the batch of a response, which stub engines give as the time of the run."""
    return int(reply.json()["timing"]["run_ms"])


def exists(pid: int) -> bool:
    """Whether there is a process of this id."""
    return Path(f"/proc/{pid}").exists()


FAILURES = [
    ("crash", 503, "engine_lost"), ("malformed", 503, "engine_lost"), ("wrong-id", 503, "engine_lost"),
    ("incomplete", 503, "engine_lost"), ("stall", 504, "deadline_exceeded"),
]  # fmt: skip


@pytest.mark.parametrize(("behaviour", "status", "code"), FAILURES)
async def test_a_failing_engine_fails_only_the_running_request(
    tmp_path: Path, behaviour: str, status: int, code: str
) -> None:
    """Those queued behind it are served by the next engine, each with its own result."""
    async with stub_service(tmp_path, deadline=1.0) as (service, client):
        (before,) = service.engines.states()
        failing = post(client, document(behaviour))
        await wait_until(lambda: service.engines.slots[0].load == 1 or failing.done())
        queued = [post(client, document(seed=number), [number, 0]) for number in range(4)]
        assert outcome(await failing) == (status, code)
        assert [output(await one) for one in queued] == [[[number, 0]] for number in range(4)]
        (after,) = service.engines.states()
        assert (service.engines.restarts, after.pid != before.pid) == (1, True)
        assert not exists(before.pid)


async def test_errors_of_an_engine_are_responses(tmp_path: Path) -> None:
    """With the status of their code, a 500 for an unknown one, and the engine goes on."""
    async with stub_service(tmp_path) as (service, client):
        codes = ("invalid_tensor", "too_large", "overloaded", "no_such_code")
        outcomes = [outcome(await post(client, document(f"fail {code}"))) for code in codes]
        assert outcomes == [(422, codes[0]), (413, codes[1]), (503, codes[2]), (500, "internal")]
        assert output(await post(client, document())) == [[3, 4]]
        assert service.engines.restarts == 0


@pytest.mark.parametrize(("behaviour", "status", "code"), [FAILURES[0], FAILURES[-1]])
async def test_a_model_that_stops_two_engines_is_quarantined(
    tmp_path: Path, behaviour: str, status: int, code: str
) -> None:
    """After two consecutive failures it is rejected at once, and others are served."""
    async with stub_service(tmp_path, deadline=1.0) as (service, client):
        outcomes = [outcome(await post(client, document(behaviour, seed=seed))) for seed in range(3)]
        assert outcomes == [(status, code), (status, code), (422, "quarantined")]
        assert output(await post(client, document(units=2))) == [[3, 4]]
        assert service.engines.restarts == 2


async def test_a_reply_without_its_tensors_ends_at_the_deadline(tmp_path: Path) -> None:
    """With a 504, and the next request is served."""
    async with stub_service(tmp_path, deadline=1.0) as (_, client):
        assert outcome(await post(client, document("incomplete"))) == (504, "deadline_exceeded")
        assert output(await post(client, document())) == [[3, 4]]


async def test_retry_after_is_the_engine_start_time(tmp_path: Path) -> None:
    """The time that the last start took."""
    async with stub_service(tmp_path, StoppedPool) as (service, client):
        service.engines.slots[0].started -= 2.0  # as if the start had begun earlier
        service.engines.resume()
        await wait_until(lambda: service.engines.states()[0].ready)
        lost = await post(client, document("crash"))
        signal_engines(service.engines, signal.SIGSTOP)
        assert outcome(lost) == (503, "engine_lost")
        seconds = int(lost.headers["retry-after"])
        assert seconds > 1
        refused = await client.get("/readyz")
        assert (refused.status_code, 0 < int(refused.headers["retry-after"]) <= seconds) == (503, True)


async def test_the_front_serves_before_an_engine_is_ready(tmp_path: Path) -> None:
    """`/healthz` is 200 and `/readyz` 503 at once; an early run waits for the engine."""
    async with stub_service(tmp_path, StoppedPool) as (service, client):
        assert (await client.get("/healthz")).json() == {"live": True}
        refused = await client.get("/readyz")
        assert (refused.status_code, 0 < int(refused.headers["retry-after"]) <= 10) == (503, True)
        early = post(client, document())
        await wait_until(lambda: service.engines.slots[0].load == 1)
        assert not early.done()
        service.engines.resume()
        assert (await early).json()["model"]["cached"] is False
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["engines"][0]["devices"][0]["type"] == "CPU"


async def test_require_gpu_without_a_gpu_is_never_ready(tmp_path: Path) -> None:
    """Live but not ready, and the reason is reported; the engine's refusal of runs is a 503."""
    async with stub_service(tmp_path, require_gpu=True) as (_, client):
        assert (await client.get("/healthz")).json() == {"live": True}
        state = await client.get("/readyz")
        assert (state.status_code, state.json()["engines"][0]["ready"]) == (503, True)
        assert "REQUIRE_GPU" in state.json()["reason"]
        assert (await client.get("/v2/health/ready")).status_code == 503
        assert outcome(await post(client, document("fail no_gpu"))) == (503, "no_gpu")
        assert (await client.post("/v1/plan", json={"model": document()})).json()["layers"]


async def test_a_full_queue_rejects_requests(tmp_path: Path) -> None:
    """Requests beyond MAX_QUEUE get a 503 with Retry-After at once, the others are served."""
    async with stub_service(tmp_path, StoppedPool, max_queue=5) as (service, client):
        posts = [post(client, document(seed=seed)) for seed in range(12)]
        await wait_until(lambda: sum(one.done() for one in posts) == 7)
        refused = [one.result() for one in posts if one.done()]
        assert [outcome(reply) for reply in refused] == [(503, "overloaded")] * 7
        assert all(reply.headers["retry-after"] for reply in refused)
        service.engines.resume()
        assert sorted([(await one).status_code for one in posts]) == [200] * 5 + [503] * 7


async def test_two_engines_share_the_work(tmp_path: Path) -> None:
    """With two engines both become ready, and a crash of one fails at most its running request."""
    async with stub_service(tmp_path, engines=2) as (_, client):
        pids = [engine["pid"] for engine in (await client.get("/readyz")).json()["engines"]]
        assert len(set(pids)) == 2
        os.kill(pids[0], signal.SIGKILL)
        posts = [post(client, document(seed=seed)) for seed in range(20)]
        assert sorted([(await one).status_code for one in posts])[:19] == [200] * 19


async def test_queued_requests_run_as_one_batch_after_a_crash(tmp_path: Path) -> None:
    """Only the one that ran first and alone fails, and their model is not quarantined."""
    async with stub_service(tmp_path, batch_requests=16) as (service, client):
        signal_engines(service.engines, signal.SIGSTOP)
        posts = [post(client, document()) for _ in range(16)]
        await wait_until(lambda: service.engines.slots[0].load == 16)
        signal_engines(service.engines, signal.SIGKILL)
        replies = [await one for one in posts]
        assert sorted(reply.status_code for reply in replies) == [200] * 15 + [503]
        assert {batch_size(reply) for reply in replies if reply.status_code == 200} == {15}


async def test_a_batch_whose_engine_dies_is_retried_one_by_one(tmp_path: Path) -> None:
    """No request is blamed until it fails alone."""
    async with stub_service(tmp_path, StoppedPool, batch_requests=4) as (service, client):
        failing = post(client, document("crash"))
        await wait_until(lambda: service.engines.slots[0].load == 1)
        others = [post(client, document(), [number, 0]) for number in range(3)]
        await wait_until(lambda: service.engines.slots[0].load == 4)
        service.engines.resume()
        await wait_until(lambda: service.engines.restarts == 1)
        assert not any(one.done() for one in (failing, *others))
        assert outcome(await failing) == (503, "engine_lost")
        replies = [await one for one in others]
        assert [output(reply) for reply in replies] == [[[number, 0]] for number in range(3)]
        assert [batch_size(reply) for reply in replies] == [1] * 3
        assert service.engines.restarts == 2


async def test_a_batch_over_its_deadline_is_retried_one_by_one(tmp_path: Path) -> None:
    """Each of the two requests takes less, both together more."""
    async with stub_service(tmp_path, StoppedPool, batch_requests=2, deadline=1.0) as (service, client):
        posts = [post(client, document("stall 0.6"), [number, 0]) for number in range(2)]
        await wait_until(lambda: service.engines.slots[0].load == 2)
        service.engines.resume()
        await wait_until(lambda: service.engines.restarts == 1)
        assert not any(one.done() for one in posts)
        replies = [await one for one in posts]
        assert [output(reply) for reply in replies] == [[[0, 0]], [[1, 0]]]
        assert [batch_size(reply) for reply in replies] == [1] * 2
        assert service.engines.restarts == 1


async def test_runs_overtake_a_plan(tmp_path: Path) -> None:
    """A plan that stalls delays no run; it is stopped at its deadline."""
    async with stub_service(tmp_path, deadline=1.0) as (service, client):
        plan = asyncio.create_task(client.post("/v1/plan", json={"model": document("stall")}))
        await wait_until(lambda: service.engines.slots[0].concurrent.running)
        assert output(await post(client, document())) == [[3, 4]]
        assert not plan.done()
        assert outcome(await plan) == (504, "deadline_exceeded")


async def test_large_tensors_pass_through_shared_memory(tmp_path: Path) -> None:
    """Unchanged in both directions, and the memory is released: it suffices for two requests."""
    values = np.arange(20_000, dtype=np.float32)
    wide = {"input": [20_000], "layers": [{"type": "ReLU", "name": "a"}, {"type": "ReLU", "name": "b"}]}
    expected = np.resize(np.frombuffer(values.tobytes(), np.uint8), 3_000_000)
    async with stub_service(tmp_path, max_input_bytes="100KB", reply_memory="12MB") as (_, client):
        for _ in range(5):
            reply = await post(client, {**wide, "name": "large 3000000"}, values.tolist(), format="safetensors")
            tensors = load(reply.content)
            assert [tensors[name].tobytes() == expected.tobytes() for name in ("a", "b")] == [True, True]
            assert load((await post(client, wide, values.tolist(), format="safetensors")).content)["b"].tobytes() == (
                values.tobytes()
            )


async def test_queued_requests_are_refused_at_the_end_of_the_drain(tmp_path: Path) -> None:
    """With a 503 problem whose code is draining, when no engine becomes ready before the deadline."""
    async with stub_service(tmp_path, StoppedPool, deadline=0.6) as (service, client):
        waiting = [post(client, document(seed=seed)) for seed in range(3)]
        await wait_until(lambda: service.engines.slots[0].load == 3)
        service.stop()
        async with asyncio.timeout(4):  # requests that are still pending 5 s after the deadline are cancelled
            assert [outcome(await one) for one in waiting] == [(503, "draining")] * 3
        await service.serving


def test_sigterm_stops_a_stalled_engine(start_stub_server: StartServer, tmp_path: Path) -> None:
    """Its request gets a 504 at the deadline, and the exit code is 0."""
    body = json.dumps({"model": document("stall"), "inputs": [3, 4]}).encode()
    with start_stub_server(tmp_path, DEADLINE="1") as server, server.begun("POST", "/v1/activations", len(body)) as run:
        pid = server.engine_pid()
        run.send(body)
        server.client.get("/healthz").raise_for_status()  # is sent later, so the engine has the run by then
        server.process.send_signal(signal.SIGTERM)
        reply = run.getresponse()
        assert (reply.status, json.load(reply)["code"]) == (504, "deadline_exceeded")
        assert server.process.wait(timeout=60) == 0
        assert not exists(pid)
