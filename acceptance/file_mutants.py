"""Mutants of pictures, arrays, weights, whole models and documents, sent to a service by several clients at once.

Prints the statuses by kind, the slowest request, engines lost, and the memory of the front. Arguments: how many
(20,000), and a seed (0). Exit code 1 on a 500 or a request of over 30 seconds.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import h5py
import httpx
import keras
import numpy as np
import uvloop
from PIL import Image
from safetensors.numpy import save as save_safetensors

from acceptance.live_service import Service, resident_mib, running
from acceptance.mutants import changed, mutant

NETWORK = {"input": [16, 16, 3], "layers": [
    {"type": "Conv2D", "filters": 4, "kernel_size": 3, "name": "conv"}, {"type": "BatchNormalization", "name": "norm"},
    {"type": "ReLU"}, {"type": "MaxPooling2D"}, {"type": "Flatten"}, {"type": "Dense", "units": 3, "name": "out"},
]}  # fmt: skip
PICTURES = (("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("GIF", {}), ("BMP", {}),
            ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}))  # fmt: skip
RUN, MODEL, WEIGHTS = "/v1/models/base/activations?data=none", "/v1/models/m{}", "/v1/models/m{}/weights"
CLIENTS, HANG_SECONDS = 4, 30.0
Sent = tuple[str, str, bytes, str]
"""Method, path, body and type of a request."""


def pictures() -> list[bytes]:
    """Return a picture in each format."""
    pixels, made = np.random.default_rng(7).integers(0, 256, (24, 24, 3), np.uint8), []
    for name, options in PICTURES:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, name, **options)
        made.append(file.getvalue())
    return made


def arrays() -> dict[str, bytes]:
    """Return an input in each format of arrays."""
    array, npy, npz = np.random.default_rng(7).random((2, 16, 16, 3), np.float32), io.BytesIO(), io.BytesIO()
    np.save(npy, array)
    np.savez_compressed(npz, input=array)
    return {"npy": npy.getvalue(), "npz": npz.getvalue(), "safetensors": save_safetensors({"input": array})}


def models(folder: Path) -> dict[str, bytes]:
    """Return the network saved by Keras: weights, and whole models."""
    layers = [keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(), keras.layers.ReLU()]
    layers += [keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((16, 16, 3)), *layers])
    model.save(folder / "a.keras")
    model.save(folder / "a.h5")
    model.save_weights(folder / "a.weights.h5")
    with h5py.File(folder / "b.h5", "w", libver="latest") as file:
        kernel = np.ones((3, 3, 3, 4), "f4")
        file.create_dataset("layers/conv/vars/0", data=kernel, chunks=(1, 3, 3, 4), compression="gzip")
    return {name: (folder / name).read_bytes() for name in ("a.keras", "a.h5", "a.weights.h5", "b.h5")}


def kinds(folder: Path, weights: bytes) -> dict[str, Callable[[Random, int], Sent]]:
    """Return, by kind, what makes a request of a mutant; `weights` are those of the network as safetensors."""
    images, numbers, files = pictures(), arrays(), models(folder)
    document = {"model": NETWORK, "inputs": np.zeros((1, 16, 16, 3)).tolist(), "data": "none"}

    def posted(data: bytes, kind: str) -> Callable[[Random, int], Sent]:
        return lambda random, _: ("POST", RUN, changed(data, random), kind)

    def put(path: str, *choices: bytes) -> Callable[[Random, int], Sent]:
        kind = "application/octet-stream"
        return lambda random, client: ("PUT", path.format(client), changed(random.choice(choices), random), kind)

    return {
        "picture": lambda random, _: ("POST", RUN, changed(random.choice(images), random), "image/png"),
        "npy": posted(numbers["npy"], "application/x-npy"),
        "npz": posted(numbers["npz"], "application/x-npz"),
        "safetensors": posted(numbers["safetensors"], "application/vnd.safetensors"),
        "weights in safetensors": put(WEIGHTS, weights),
        "weights in h5": put(WEIGHTS, files["a.weights.h5"], files["b.h5"]),
        "whole h5": put(MODEL, files["a.h5"]),
        "whole keras": put(MODEL, files["a.keras"]),
        "document": lambda random, _: (
            "POST", "/v1/activations", json.dumps(mutant(document, random)).encode(), "application/json"),
        "document's bytes": lambda random, _: (
            "POST", "/v1/activations", changed(json.dumps(document).encode(), random), "application/json"),
    }  # fmt: skip


async def sent(url: str, count: int, seed: int, made: dict[str, Callable[[Random, int], Sent]]) -> tuple[
    Counter[tuple[str, int]], float
]:  # fmt: skip
    """Send the mutants; return how many were answered with each status, by kind, and the longest time."""
    found, slowest, numbers = Counter[tuple[str, int]](), 0.0, iter(range(count))

    async def client(own: int) -> None:
        nonlocal slowest
        async with httpx.AsyncClient(base_url=url, timeout=120) as session:
            await session.put(MODEL.format(own), json=NETWORK)
            for number in numbers:
                kind, random = list(made)[number % len(made)], Random(f"{seed} {number}")
                method, path, body, content_type = made[kind](random, own)
                begun = time.perf_counter()
                reply = await session.request(method, path, content=body, headers={"Content-Type": content_type})
                slowest = max(slowest, time.perf_counter() - begun)
                found[kind, reply.status_code] += 1
                if reply.status_code == 500:
                    print(number, kind, reply.text[:300], flush=True)

    await asyncio.gather(*map(client, range(CLIENTS)))
    return found, slowest


def endings(service: Service) -> str:
    """Return the engines that ended, by cause."""
    lines = service.client.get("/metrics").text.splitlines()
    return ", ".join(line for line in lines if line.startswith("layerscope_engine_restarts_total")) or "none"


def main() -> int:
    """Send them, and print what came back."""
    count, seed = (int(given) for given in (*sys.argv[1:], *("20000", "0")[len(sys.argv) - 1 :]))
    with TemporaryDirectory() as folder, running(Path(folder) / "store", LOG="off") as service:
        service.client.put("/v1/models/base", json=NETWORK).raise_for_status()
        form = {"Accept": "application/vnd.safetensors"}
        weights = service.client.get("/v1/models/base/weights", headers=form).raise_for_status().content
        made, before = kinds(Path(folder), weights), resident_mib(service.process.pid)
        found, slowest = uvloop.run(sent(str(service.client.base_url), count, seed, made))
        for kind in made:
            statuses = ", ".join(f"{times} × {status}" for (of, status), times in sorted(found.items()) if of == kind)
            print(f"{kind}: {statuses}")
        after, peak = (resident_mib(service.process.pid, key) for key in ("VmRSS", "VmHWM"))
        engine = resident_mib(service.engine_pid())
        print(f"slowest {slowest:.1f} s; front {before} -> {after} MiB, at most {peak}; engine {engine} MiB; "
              f"engines that ended: {endings(service)}", flush=True)  # fmt: skip
    return int(slowest > HANG_SECONDS or any(status == 500 for _, status in found))


if __name__ == "__main__":
    sys.exit(main())
