"""Hostile clients next to others: one that sends what engines died of, and hostile requests as every fifth.

Argument: seconds of each (60).
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import uvloop

from acceptance.live_service import running
from acceptance.overload import LOUD, QUIET, network, picture

RUN = "/v1/models/good/activations?layers=end&format=npy"
NPY = {"Content-Type": "application/x-npy"}
SECONDS_ALLOWED = 2.0
CUBE = [64, 64, 64, 1]
KILLERS: tuple[dict[str, Any], ...] = (
    {"input": [2000, 2000, 1], "layers": [{"type": "MaxPooling2D", "pool_size": 511, "strides": 1}]},
    {"input": [128, 128, 128, 1], "layers": [{"type": "MaxPooling3D", "pool_size": 64, "strides": 1}]},
    {"input": CUBE, "layers": [{"type": "Conv3D", "filters": 8, "kernel_size": 3, "dilation_rate": 1024,
                                "padding": "same"}]},
    {"input": [4], "layers": [{"type": "Dense", "units": 12_000, "kernel_initializer": "orthogonal"}] * 2},
)  # fmt: skip
"""Each ran past the deadline once, and took its engine with it."""
LONG: tuple[dict[str, Any], ...] = (
    {"input": [4], "layers": [{"type": "Dense", "units": 6_000, "kernel_initializer": "orthogonal"}] * 2},
    {"input": [4096, 8], "layers": [{"type": "LSTM", "units": 1024, "return_sequences": True}] * 3},
    {"input": [3000, 64], "layers": [{"type": "LSTM", "units": 1500}]},
)
"""Each ends within the deadline, after ten seconds or twenty."""
DEEP = b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
HUGE = json.dumps({"model": {"layers": [{"type": "Dense", "units": 10**9}]}, "inputs": [[1]]}).encode()
UNKNOWN = json.dumps({"model": {"layers": [{"type": f"T{n}"} for n in range(2000)]}}).encode()
HOSTILE: tuple[tuple[str, bytes, str], ...] = (
    (RUN, b'{"inputs": ' + b"[" * 1_000_000, "application/json"),
    (RUN, DEEP, "application/json"),
    ("/v1/activations", HUGE, "application/json"),
    ("/v1/activations", b"\x00" * 1_000_000, "application/json"),
    (RUN, b"\x89PNG\r\n\x1a\n" + b"\xff" * 500_000, "image/png"),
    (RUN, b"\x93NUMPY" + b"\xff" * 100, "application/x-npy"),
    (RUN, b'{"inputs": [' + b"1e999," * 50_000 + b"1]}", "application/json"),
    ("/v1/plan", UNKNOWN, "application/json"),
    ("/v1/activations", b"{" + b",".join(b'"k%d": 1' % n for n in range(50_000)) + b"}", "application/json"),
    (RUN, b"PK\x03\x04" + b"\x00" * 200_000, "application/x-npz"),
)  # fmt: skip


def documents(kinds: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Without end, each with another seed."""
    for seed in itertools.count():
        yield {**kinds[seed % len(kinds)], "seed": seed, "name": f"k{seed}"}


def zeros(shape: list[int]) -> dict[str, Any]:
    """One input of a network."""
    data = base64.b64encode(bytes(prod(shape))).decode()
    return {"shape": [1, *shape], "dtype": "uint8", "base64": data}


def client_of(url: str, address: str) -> httpx.AsyncClient:
    """A client at one of the addresses of this machine."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(base_url=url, timeout=120, transport=transport)


async def kill(url: str, end: float, kinds: Sequence[dict[str, Any]]) -> Counter[str]:
    """What one client is answered whose requests are meant to kill or to hold an engine."""
    counts = Counter[str]()
    async with client_of(url, LOUD) as client:
        for document in documents(kinds):
            if time.perf_counter() > end:
                return counts
            body = {"model": document, "inputs": zeros(document["input"]), "data": "none"}
            reply = await client.post("/v1/activations", json=body)
            counts[f"{reply.status_code} {reply.json().get('code', '')}"] += 1
    return counts


async def look(url: str, end: float) -> list[tuple[int, float]]:
    """Status and seconds of ten requests a second of another client, each on its way whatever became of the last."""
    async with client_of(url, QUIET) as client:

        async def one() -> tuple[int, float]:
            begin = time.perf_counter()
            reply = await client.post(RUN, content=picture(), headers=NPY)
            return reply.status_code, time.perf_counter() - begin

        tasks = []
        while time.perf_counter() < end:
            tasks.append(asyncio.create_task(one()))
            await asyncio.sleep(0.1)
        return list(await asyncio.gather(*tasks))


async def beside(url: str, seconds: float, kinds: Sequence[dict[str, Any]]) -> None:
    """A line for both clients."""
    end = time.perf_counter() + seconds
    seen, counts = await asyncio.gather(look(url, end), kill(url, end, kinds))
    quick = sum(status == 200 and took <= SECONDS_ALLOWED for status, took in seen)
    print(f"{dict(counts)}; the other: {quick} of {len(seen)} answered within {SECONDS_ALLOWED:g} s", flush=True)


async def good_times(url: str, seconds: float, every: int) -> tuple[list[float], Counter[int]]:
    """Seconds of good requests over four connections, one in `every` of them hostile; statuses of those."""
    times, statuses, number = list[float](), Counter[int](), itertools.count(1)
    hostile = itertools.cycle(HOSTILE)
    end = time.perf_counter() + seconds

    async def worker(client: httpx.AsyncClient) -> None:
        while time.perf_counter() < end:
            if every and next(number) % every == 0:
                path, body, kind = next(hostile)
                statuses[(await client.post(path, content=body, headers={"Content-Type": kind})).status_code] += 1
                continue
            begin = time.perf_counter()
            (await client.post(RUN, content=picture(), headers=NPY)).raise_for_status()
            times.append(time.perf_counter() - begin)

    async with client_of(url, QUIET) as client:
        await asyncio.gather(*(worker(client) for _ in range(4)))
    return sorted(times), statuses


async def among_hostile(url: str, seconds: float) -> None:
    """A line alone, and one with hostile requests as every fifth."""
    for every in (0, 5, 0, 5):
        times, statuses = await good_times(url, seconds / 2, every)
        p50, p99 = (times[int(len(times) * share)] * 1e3 for share in (0.5, 0.99))
        what = "every fifth hostile" if every else "alone"
        print(f"{what}: {len(times)} good, p50 {p50:.1f} p99 {p99:.1f} ms; hostile {dict(statuses)}", flush=True)


def main() -> None:
    """Each on a service of its own."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    comparisons: dict[str, tuple[dict[str, str], Any]] = {
        "killers": ({}, lambda url: beside(url, seconds, KILLERS)),
        "long runs, two engines": ({"ENGINES": "2"}, lambda url: beside(url, seconds, LONG)),
        "hostile requests": ({}, lambda url: among_hostile(url, seconds)),
    }
    for name, (settings, compare) in comparisons.items():
        print(name, flush=True)
        with TemporaryDirectory() as folder, running(Path(folder), LOG="off", **settings) as service:
            service.client.put("/v1/models/good", json=network(4)).raise_for_status()
            service.client.post(RUN, content=picture(), headers=NPY).raise_for_status()
            uvloop.run(compare(f"http://127.0.0.1:{service.port}"))


if __name__ == "__main__":
    main()
