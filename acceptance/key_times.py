"""Times of keys: whether that of a refusal tells how much of a key is right, and what many keys cost a request."""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from acceptance.live_service import running
from acceptance.raw_http import answer, request
from service.access.keys import Key, new_key, parse_keys

TRIES, SHARED = 20_000, 32
MANY = 1000


def require(holds: bool) -> None:
    """End the script unless a condition holds."""
    if not holds:
        raise SystemExit("a key was taken for another")


def trend(shared: list[int], seconds: list[float]) -> str:
    """Return the slope of times over the number of shared bytes, and by how many of its errors it is off zero."""
    x, y = np.array(shared, float), np.array(seconds)
    kept = y < np.quantile(y, 0.95)  # a machine with other work has long tails
    x, y = x[kept], y[kept]
    slope, intercept = np.polyfit(x, y, 1)
    error = np.sqrt(((y - slope * x - intercept) ** 2).sum() / (len(x) - 2) / ((x - x.mean()) ** 2).sum())
    return f"{slope * 1e9:+.2f} ns a byte, {slope / error:+.1f} standard errors, median {np.median(y) * 1e6:.1f} µs"


async def refused_times(port: int, secret: str) -> str:
    """Return the trend of the times of 401 for keys that share leading bytes with a right one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    shared, seconds = [], []
    for _ in range(TRIES):
        length = random.randrange(SHARED)
        tail = "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=len(secret) - length))
        sent = request("GET", "/v1/layers", X_API_Key=secret[:length] + tail)
        begin = time.perf_counter()
        writer.write(sent)
        reply = await answer(reader)
        seconds.append(time.perf_counter() - begin)
        require(reply.status == 401)
        shared.append(length)
    writer.close()
    return trend(shared, seconds)


def comparison_times() -> str:
    """Return the trend of the times of a comparison with a digest that shares leading bytes with that of the key."""
    digest = sha256(b"sent").digest()
    rings = []
    for length in range(SHARED):
        other = digest[:length] + bytes(255 - byte for byte in digest[length:])
        rings.append(parse_keys(f"a sha256:{other.hex()}"))
    shared, seconds = [], []
    for _ in range(TRIES):
        length = random.randrange(SHARED)
        begin = time.perf_counter()
        found = rings[length].find(b"sent")
        seconds.append(time.perf_counter() - begin)
        require(found is None)
        shared.append(length)
    return trend(shared, seconds)


def cost_of_many() -> float:
    """Return the median seconds in which a key is found among MANY."""
    made = [new_key(f"client-{number}") for number in range(MANY)]
    ring = parse_keys("\n".join(line for _, line in made))
    seconds = []
    for secret, _ in made * 20:
        begin = time.perf_counter()
        key = ring.find(secret.encode())
        seconds.append(time.perf_counter() - begin)
        require(isinstance(key, Key))
    return statistics.median(seconds)


def main() -> None:
    """Print the trends, and the cost."""
    secret, line = new_key("client")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "keys"
        file.write_text(line)
        with running(Path(folder) / "store", KEYS=str(file), LOG="off") as service:
            print(f"401 by shared bytes of the key: {asyncio.run(refused_times(service.port, secret))}", flush=True)
    print(f"comparison by shared bytes of the digest: {comparison_times()}", flush=True)
    print(f"{MANY} keys: {cost_of_many() * 1e6:.1f} µs a request", flush=True)


if __name__ == "__main__":
    sys.exit(main())
