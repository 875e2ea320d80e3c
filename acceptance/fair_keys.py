"""Clients with keys at one address: a small one beside one that sends ten times the capacity, shares, and rates.

Argument: seconds of each (30).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import uvloop

from acceptance.live_service import Service, running
from acceptance.open_loop import Client, Seen, request_of
from acceptance.overload import QUIET, network, picture, report
from service.access.keys import new_key

LIMITS = {"small": "role=register", "loud": "", "sharing": "share=0.05", "rated": ""}
RUN = "/v1/models/good/activations?layers=end&format=npy"
CONVOLUTIONS = 4
RUNS_A_MINUTE = 60


def loaded(port: int, rates: dict[str, float], seconds: float) -> list[Seen]:
    """Return the replies to clients that send so many requests a second each, by key."""

    async def all_of_them() -> list[Seen]:
        requests = [request_of(RUN, picture(), "application/x-npy", key=key) for key in rates]
        clients = [Client(port, QUIET, request) for request in requests]
        pairs = enumerate(zip(clients, rates.values(), strict=True))
        return list(await asyncio.gather(*(client.run(rate, seconds, seed) for seed, (client, rate) in pairs)))

    return uvloop.run(all_of_them())


def closed(port: int, key: str, seconds: float, at_once: int = 4) -> float:
    """Return runs a second where each waits for the one before."""

    async def one(client: httpx.AsyncClient, end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            count += (await client.post(RUN, content=picture())).status_code == 200
        return count

    async def all_of_them() -> float:
        headers = {"X-API-Key": key, "Content-Type": "application/x-npy"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            begun = time.perf_counter()
            counts = await asyncio.gather(*(one(client, begun + seconds) for _ in range(at_once)))
            return sum(counts) / (time.perf_counter() - begun)

    return asyncio.run(all_of_them())


def rated(service: Service, key: str, seconds: float) -> None:
    """Print how many runs a key with a rate gets, sent as fast as they are answered, and the last refusal."""
    counts, begun, refused = Counter[int](), time.perf_counter(), None
    headers = {"X-API-Key": key, "Content-Type": "application/x-npy"}
    while time.perf_counter() < begun + seconds:
        reply = service.client.post(RUN, content=picture(), headers=headers)
        counts[reply.status_code] += 1
        if reply.status_code == 429:
            refused = reply
            time.sleep(0.05)
    elapsed = time.perf_counter() - begun
    print(f"a rate of {RUNS_A_MINUTE} runs a minute: {dict(counts)} in {elapsed:.0f} s; a full bucket and what comes "
          f"meanwhile are {RUNS_A_MINUTE * (1 + elapsed / 60):.1f}")  # fmt: skip
    if refused is not None:
        print(f"Retry-After: {refused.headers['Retry-After']}; {json.dumps(refused.json()['errors'][0])}", flush=True)


def main() -> None:
    """Print a line for each load."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    made = {name: new_key(name) for name in LIMITS}
    keys = {name: secret for name, (secret, _) in made.items()}
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    with TemporaryDirectory() as folder, pool:
        file = Path(folder) / "keys"
        lines = {name: f"{line} {LIMITS[name]}" for name, (_, line) in made.items()}
        file.write_text("\n".join(lines.values()))
        with running(Path(folder) / "store", KEYS=str(file), LOG="off") as service:
            document, headers = network(CONVOLUTIONS), {"X-API-Key": keys["small"]}
            service.client.put("/v1/models/good", json=document, headers=headers).raise_for_status()
            body = {"model": document, "batch": 1, "layers": ["end"]}
            macs = service.client.post("/v1/plan", json=body, headers=headers).raise_for_status().json()["run_macs"]
            pool.submit(closed, service.port, keys["small"], 3.0).result()
            capacity = pool.submit(closed, service.port, keys["small"], 10.0).result()
            print(f"capacity {capacity:.1f} runs a second, of {macs:,} multiply-adds each", flush=True)
            for other in (None, "loud", "sharing"):
                rates = {keys["small"]: 0.5 * capacity} | ({keys[other]: 10 * capacity} if other else {})
                names = ["small", *([other] if other else [])]
                for name, seen in zip(names, pool.submit(loaded, service.port, rates, seconds).result(), strict=True):
                    report(f"{name}{f' beside {other}' if name == 'small' and other else ''}", seen, seconds, capacity)
            lines["rated"] += f"macs_per_minute={macs * RUNS_A_MINUTE}"
            file.write_text("\n".join(lines.values()))
            time.sleep(5.0)  # within which the file is read again
            rated(service, keys["rated"], seconds)


if __name__ == "__main__":
    main()
