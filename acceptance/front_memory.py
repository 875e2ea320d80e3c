"""Memory and time of the front for large pictures, mutated ones and large JSON, as a table.

Arguments: `pictures`, `mutants` and `json` (all, without one), and how many mutated pictures there are.
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from PIL import Image

from acceptance.live_service import Service, begin_peak, resident_mib, running

SIDE = 7000
TINY = b'{"input": [8, 8, 3], "layers": [{"type": "Flatten"}, {"type": "Dense", "units": 2}]}'
QUIET_SECONDS = 15
"""Time for the front to release memory."""
MUTANTS = 3000


def flat_png() -> bytes:
    """Return a picture of one colour: 49 million pixels in some 150 kB."""
    file = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (10, 200, 30)).save(file, "PNG")
    return file.getvalue()


def post(service: Service, body: bytes, kind: str, path: str = "/v1/models/tiny/activations?data=none") -> str:
    """Return the status, or the error of the connection."""
    try:
        reply = httpx.post(
            f"{service.client.base_url}{path}", content=body, headers={"Content-Type": kind}, timeout=600
        )
    except httpx.TransportError as error:
        return type(error).__name__
    return str(reply.status_code)


def at_once(service: Service, bodies: list[bytes], kind: str, workers: int) -> Counter[str]:
    """Return the count of each reply."""
    with ThreadPoolExecutor(workers) as pool:
        return Counter(pool.map(lambda body: post(service, body, kind), bodies))


def measured(service: Service, what: str, run: Callable[[], Counter[str]]) -> None:
    """Print one row: resident memory before, at its peak and afterwards."""
    front = service.process.pid
    before = resident_mib(front)
    begin_peak(front)
    started = time.perf_counter()
    answers = run()
    seconds, peak = time.perf_counter() - started, resident_mib(front, "VmHWM")
    time.sleep(QUIET_SECONDS)
    after = resident_mib(front)
    told = ", ".join(f"{count} × {answer}" for answer, count in sorted(answers.items()))
    print(f"| {what} | {told} | {seconds:.1f} | {before} | +{peak - before} | {after - before:+} |", flush=True)


def pictures(service: Service) -> None:
    """Send eight and forty large pictures at once."""
    picture = flat_png()
    for count in (8, 40):
        measured(service, f"{count} pictures of 49 megapixels at once",
                 lambda count=count: at_once(service, [picture] * count, "image/png", count))  # fmt: skip


def mutants(count: int) -> Iterator[bytes]:
    """Yield pictures of several formats with some bytes changed, cut or doubled."""
    chance, numbers = random.Random(7), np.random.default_rng(7)
    seeds = []
    for name, options in (("PNG", {}), ("JPEG", {}), ("WEBP", {}), ("GIF", {}), ("BMP", {}), ("TIFF", {}),
                          ("JPEG", {"progressive": True}), ("TIFF", {"compression": "tiff_lzw"})):  # fmt: skip
        file = io.BytesIO()
        Image.fromarray(numbers.integers(0, 256, (64, 64, 3), np.uint8)).save(file, name, **options)
        seeds.append(file.getvalue())
    for _ in range(count):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        yield bytes(data)


def large_bodies() -> Iterator[tuple[str, str, bytes]]:
    """Yield name, path and body of JSON that takes long to be read."""
    keys = ", ".join(f'"k{number}": {number}' for number in range(1000))
    layer = f'{{"type": "Dense", "units": 1, {keys}}}'
    yield "2,000 layers of 1,000 unknown keys", "/v1/plan", f'{{"model": [{", ".join([layer] * 2000)}]}}'.encode()
    names = ", ".join(f'"n{number}": [[1, 2]]' for number in range(1_000_000))
    yield "a million names of inputs", "/v1/activations", b'{"model": %b, "inputs": {%b}}' % (TINY, names.encode())
    letters = b'"a", ' * 12_000_000
    yield '60 MB of {"model": ["a", …]}', "/v1/activations", b'{"model": [%b"a"]}' % letters
    yield "the same with inputs", "/v1/activations", b'{"model": [%b"a"], "inputs": [[1]]}' % letters
    small = layer.encode()
    document = b'{"model": [%b]}' % b", ".join([small] * 300)
    yield f"a document of {len(document):,} bytes with 300,000 unknown keys", "/v1/plan", document
    arrays = b"[[1], " + b"[], " * 14_000_000 + b"[1]]"
    yield "60 MB of empty arrays", "/v1/activations", b'{"model": %b, "inputs": %b}' % (TINY, arrays)
    rows = ",".join(repr(float(number) / 7) for number in range(2_500_000)).encode()
    yield "2,500,000 numbers", "/v1/activations", b'{"model": %b, "inputs": [%b]}' % (TINY, rows)


PULSE = """
import sys, threading, time
import httpx
ended = threading.Thread(target=sys.stdin.read, daemon=True)
with httpx.Client(base_url=sys.argv[1], timeout=600) as client:
    client.get("/healthz")
    print("asking", flush=True)
    ended.start()
    while ended.is_alive():
        started = time.perf_counter()
        client.get("/healthz")
        print(time.perf_counter() - started)
        time.sleep(0.005)
"""
"""Polls `/healthz` on one connection until its input ends; a separate process, so that nothing delays it."""


@contextmanager
def pulse(service: Service) -> Iterator[list[float]]:
    """Yield the seconds that `/healthz` takes within the block, sorted; they are there once it has ended."""
    seconds: list[float] = []
    command = [sys.executable, "-c", PULSE, str(service.client.base_url)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        yield seconds
        seconds += sorted(map(float, process.communicate()[0].split()))


def json(service: Service) -> None:
    """Print how fast `/healthz` is answered while each body is read twice."""
    for what, path, body in large_bodies():
        with pulse(service) as times:
            started = time.perf_counter()
            answers = Counter(post(service, body, "application/json", path) for _ in range(2))
            seconds = time.perf_counter() - started
        p99, told = times[int(len(times) * 0.99)], ", ".join(answers)
        print(f"| {what} | {len(body):,} | {told} | {seconds:.1f} | {len(times)} | {1000 * p99:.0f} | "
              f"{1000 * times[-1]:.0f} | {resident_mib(service.process.pid)} |", flush=True)  # fmt: skip


def main() -> None:
    """Print tables in Markdown; memory in MiB, /healthz in milliseconds."""
    parts = [one for one in sys.argv[1:] if not one.isdigit()] or ["pictures", "mutants", "json"]
    count = next((int(one) for one in sys.argv[1:] if one.isdigit()), MUTANTS)
    with TemporaryDirectory() as folder, running(Path(folder) / "store") as service:
        service.client.put("/v1/models/tiny", content=TINY, headers={"Content-Type": "application/json"})
        post(service, flat_png()[:1000], "image/png")
        print("| what | answers | seconds | before | peak | after |\n|---|---|---|---|---|---|")
        if "pictures" in parts:
            pictures(service)
        if "mutants" in parts:
            bodies = list(mutants(count))
            measured(service, f"{count:,} mutated pictures", lambda: at_once(service, bodies, "image/png", 8))
        if "json" in parts:
            print("\n| body | bytes | answers | seconds | /healthz | p99 | most | resident |")
            print("|---|---|---|---|---|---|---|---|")
            json(service)


if __name__ == "__main__":
    main()
