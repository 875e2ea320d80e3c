"""Load beyond the capacity of an engine: what is accepted is quick, the rest is refused at once, and no client starves.

For networks of about 4 and 40 ms, client and service on this machine: load of 0.8, 3 and 10 times the capacity, which
is measured before and after each since machines are shared, and a client that sends 20 times its share beside one at
half the capacity. Argument: seconds of each (60).
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
import uvloop

from acceptance.live_service import Service, running
from acceptance.open_loop import Client, Seen, request_of

SIZES = {"4 ms": 4, "40 ms": 40}
"""Convolutions of 64 filters on 28×28 in each network; about a millisecond each."""
QUIET = "127.0.0.1"
LOUD = "127.0.0.2"


def network(layers: int) -> dict[str, Any]:
    """Return a chain of convolutions and one small output."""
    conv = {"type": "Conv2D", "filters": 64, "kernel_size": 3, "padding": "same"}
    return {"input": [28, 28, 1], "layers": [conv] * (layers + 1) + [{"type": "GlobalAveragePooling2D", "name": "end"}]}


def picture() -> bytes:
    """Return one input as .npy."""
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((1, 28, 28, 1), np.float32))
    return buffer.getvalue()


def loaded(port: int, name: str, rates: dict[str, float], seconds: float) -> dict[str, Seen]:
    """Return the replies to clients that send so many requests a second each, by address."""

    async def all_of_them() -> list[Seen]:
        request = request_of(f"/v1/models/{name}/activations?layers=end&format=npy", picture(), "application/x-npy")
        clients = [Client(port, address, request) for address in rates]
        pairs = enumerate(zip(clients, rates.values(), strict=True))
        runs = (client.run(rate, seconds, seed) for seed, (client, rate) in pairs)
        return list(await asyncio.gather(*runs))

    return dict(zip(rates, uvloop.run(all_of_them()), strict=True))


def closed(port: int, name: str, seconds: float, at_once: int = 4) -> float:
    """Return requests a second where each waits for the one before."""
    url = f"http://127.0.0.1:{port}/v1/models/{name}/activations?layers=end&format=npy"

    async def one(client: httpx.AsyncClient, end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            reply = await client.post(url, content=picture(), headers={"Content-Type": "application/x-npy"})
            count += reply.status_code == 200
        return count

    async def all_of_them() -> float:
        async with httpx.AsyncClient(timeout=60) as client:
            begin = time.perf_counter()
            counts = await asyncio.gather(*(one(client, begin + seconds) for _ in range(at_once)))
            return sum(counts) / (time.perf_counter() - begin)

    return asyncio.run(all_of_them())


def health(port: int, seconds: float) -> list[float]:
    """Return the seconds of each of 20 requests a second to /healthz."""
    times = []
    with httpx.Client(timeout=60) as client:
        end = time.perf_counter() + seconds
        while (begin := time.perf_counter()) < end:
            client.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
            times.append(time.perf_counter() - begin)
            time.sleep(0.05)
    return sorted(times)


def ms(seconds: float) -> str:
    """Return the text of milliseconds."""
    return f"{seconds * 1e3:.1f} ms"


def report(what: str, seen: Seen, seconds: float, capacity: float) -> None:
    """Print one line: the number and times of accepted and of refused requests."""
    counts, good = seen.counts(), seen.counts()[200] / seconds
    print(
        f"    {what}: {dict(counts)} lost {seen.lost}; goodput {good / capacity:.2f} of capacity; accepted p50"
        f" {ms(seen.percentile(200, 0.5))} p99 {ms(seen.percentile(200, 0.99))}; rejects p50"
        f" {ms(seen.percentile(503, 0.5))} p99 {ms(seen.percentile(503, 0.99))}",
        flush=True,
    )


def measure(service: Service, pool: ProcessPoolExecutor, name: str, layers: int, seconds: float) -> None:
    """Run all loads on one network."""
    port = service.client.base_url.port
    assert port is not None  # noqa: S101 (it has one)
    service.client.put(f"/v1/models/{name}", json=network(layers)).raise_for_status()
    pool.submit(closed, port, name, 3.0).result()
    capacity = pool.submit(closed, port, name, 30.0).result()
    for factor in (0.8, 3.0, 10.0, 0.5):
        looks = pool.submit(health, port, seconds)
        seen = pool.submit(loaded, port, name, {QUIET: factor * capacity}, seconds).result()[QUIET]
        times, before = looks.result(), capacity
        capacity = pool.submit(closed, port, name, 10.0).result()
        print(f"{name}: capacity {before:.1f} requests a second before, {capacity:.1f} after", flush=True)
        report(f"{factor:g} x", seen, seconds, (before + capacity) / 2)
        print(f"        /healthz p99 {ms(times[int(0.99 * len(times))])} max {ms(times[-1])}", flush=True)
    alone = pool.submit(loaded, port, name, {QUIET: 0.5 * capacity}, seconds).result()[QUIET]
    report("0.5 x alone", alone, seconds, capacity)
    both = pool.submit(loaded, port, name, {QUIET: 0.5 * capacity, LOUD: 10 * capacity}, seconds).result()
    report("0.5 x beside", both[QUIET], seconds, capacity)
    report("the other, 10 x", both[LOUD], seconds, capacity)


def main() -> None:
    """Print a line for each load."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    pool = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    with TemporaryDirectory() as folder, running(Path(folder), LOG="off") as service, pool:
        for name, layers in SIZES.items():
            measure(service, pool, name.replace(" ", ""), layers, seconds)


if __name__ == "__main__":
    main()
