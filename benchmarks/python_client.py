"""The Python client beside a bare call of httpx, on a service of its own: time, memory, many requests, many files.

PYTHONPATH=. .venv/bin/python -m benchmarks.python_client
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import keras
import numpy as np
from layerscope_client import AsyncLayerscope, Layerscope, Model
from PIL import Image

from acceptance.live_service import running

APPLICATION = {"application": "MobileNetV2", "weights": None}
ROUNDS, REQUESTS, AT_ONCE, FILES = 15, 200, 16, 2000
MIB = 2**20


def main() -> None:
    """Measure and print."""
    os.environ["TQDM_DISABLE"] = "1"
    with TemporaryDirectory() as folder, running(Path(folder)) as service:
        url = str(service.client.base_url)
        with Layerscope(url) as ls:
            large = ls.put("large", APPLICATION)
            large_replies(url, large)
            asyncio.run(many_requests(url))
            many_files(ls, Path(folder))
    imports()


def large_replies(url: str, model: Model) -> None:
    """All layers of MobileNetV2, 87 MB, in turns: the same request by this client and by httpx alone."""
    inputs = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    own = model.activations(inputs, stats=False)  # compiles it
    call = own.asked.inputs
    file = call[0][1][1]
    form = [("stats", (None, "false")), ("tensor", ("tensor.npy", file.getvalue()))]  # type: ignore[union-attr]
    path, accept = f"{url}/v1/models/large/activations", {"Accept": "application/vnd.safetensors"}
    with httpx.Client(timeout=300) as client:
        bare: Callable[[], Any] = lambda: client.post(path, files=form, headers=accept).content  # noqa: E731
        run: Callable[[], Any] = lambda: model.activations(inputs, stats=False)  # noqa: E731
        size = len(bare())
        bare(), run()
        pairs = [(seconds_of(bare), seconds_of(run)) for _ in range(ROUNDS)]
        ratio = statistics.median(mine / other for other, mine in pairs)
        other, mine = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
        print(f"{size / 1e6:.1f} MB: httpx {other:.1f} ms, client {mine:.1f} ms, median of ratios {ratio:.3f}")
        print(
            f"peak of memory: httpx {peak_of(bare):.1f} MiB, client {peak_of(run):.1f} MiB, reply {size / MIB:.1f} MiB"
        )


def seconds_of(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak_of(call: Callable[[], Any]) -> float:
    """Return the most memory that a call takes, in MiB."""
    gc.collect()
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        del result
        tracemalloc.stop()


async def many_requests(url: str) -> None:
    """Print how long many requests take, some of them at once, and the same by httpx alone."""
    async with AsyncLayerscope(url) as ls, httpx.AsyncClient(timeout=300) as client:
        document = {"input": [28, 28, 1], "layers": [{"type": "Conv2D", "filters": 8, "kernel_size": 3}]}
        model = await ls.put("small", document)
        inputs = np.zeros((1, 28, 28, 1), np.uint8)
        run = await model.activations(inputs, stats=False)
        file = run.asked.inputs[0][1][1].getvalue()  # type: ignore[union-attr]
        form = [("stats", (None, "false")), ("tensor", ("tensor.npy", file))]
        path, accept = f"{url}/v1/models/small/activations", {"Accept": "application/vnd.safetensors"}

        async def bare() -> None:
            (await client.post(path, files=form, headers=accept)).raise_for_status()

        for _ in range(3):
            other = await rate_of(bare)
            mine = await rate_of(lambda: model.activations(inputs, stats=False))
            print(f"{REQUESTS} requests, {AT_ONCE} at once: httpx {other:.0f}/s, client {mine:.0f}/s")


async def rate_of(call: Callable[[], Any]) -> float:
    """Return calls a second."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with gate:
            await call()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(REQUESTS)))
    return REQUESTS / (time.perf_counter() - start)


def many_files(ls: Layerscope, folder: Path) -> None:
    """Print images a second of `extract`, and of `predict` in this process."""
    network = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), include_top=False, pooling="avg")
    ls.put("features", network)
    pixels = np.random.default_rng(1).integers(0, 256, (FILES, 96, 96, 3), np.uint8)
    files = [folder / f"{number}.png" for number in range(FILES)]
    for path, picture in zip(files, pixels, strict=True):
        Image.fromarray(picture).save(path)
    ls["features"].activations(files[:32], network.layers[-1].name)
    start = time.perf_counter()
    found = ls.extract(files, model="features", layers=network.layers[-1].name, out=folder / "f.npz", stats=False)
    own = FILES / (time.perf_counter() - start)
    network.predict(pixels[:32].astype(np.float32), verbose=0)
    start = time.perf_counter()
    loaded = (np.stack([np.asarray(Image.open(path), np.float32) for path in files[at : at + 32]])
              for at in range(0, FILES, 32))  # fmt: skip
    expected = np.concatenate([network.predict_on_batch(batch) for batch in loaded])
    other = FILES / (time.perf_counter() - start)
    with np.load(found.out) as arrays:
        worst = np.abs(arrays[network.layers[-1].name] - expected).max()
    killed_and_resumed(ls, files, network.layers[-1].name)
    print(f"{FILES} files: extract {own:.0f} images/s, predict {other:.0f} images/s; max|a - b| {worst:.1e}")


def killed_and_resumed(ls: Layerscope, files: list[Path], layer: str) -> None:
    """Kill a process in the middle of `extract`, do the rest here, with three bad files; print what was done when."""
    bad = [file.with_name(name) for file, name in zip(files, ("text.png", "half.png", "none.png"), strict=False)]
    bad[0].write_text("no picture")
    bad[1].write_bytes(files[1].read_bytes()[:5000])
    given, out = [*files[:1000], *bad, *files[1000:]], files[0].with_name("g.npz")
    arguments: dict[str, Any] = {"model": "features", "layers": layer, "out": str(out), "stats": False}
    code = "import json, sys; from layerscope_client import Layerscope; files, arguments = json.load(sys.stdin); "
    code += "Layerscope(sys.argv[1]).extract(files, **arguments)"
    job = out.with_name("job.json")
    job.write_text(json.dumps([[str(path) for path in given], arguments]))
    with job.open() as text:
        process = subprocess.Popen([sys.executable, "-c", code, ls.core.sender.url], stdin=text)
    parts = out.with_name("g.npz.parts")
    while len(list(parts.glob("*.npz"))) < 20:
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = len(list(parts.glob("*.npz")))
    start = time.perf_counter()
    found = ls.extract(given, **arguments)
    seconds = time.perf_counter() - start
    counts = f"{len(found.files)} files, {len(found.failed)} failed"
    print(f"killed after {done} batches, the rest in {seconds:.1f} s: {counts}")
    for path, why in found.failed.items():
        print(f"  {Path(path).name}: {why.splitlines()[0][:100]}")


def imports() -> None:
    """Print how long the import takes in a process of its own, without and with what it needs."""
    for module in ("numpy, httpx", "layerscope_client"):
        command = [sys.executable, "-c", f"import {module}"]
        seconds = [seconds_of(partial(subprocess.run, command, check=True)) for _ in range(5)]
        print(f"import {module}: {statistics.median(seconds) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
