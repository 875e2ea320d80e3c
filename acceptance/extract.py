"""`layerscope extract` of thousands of pictures: speed beside `predict`, killed and resumed to the same bytes, memory.

Arguments: the number of pictures (5000), and which of `speed`, `kills`, `cluster`, `memory` (without: two).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import keras
import numpy as np
import zarr
from PIL import Image
from pyarrow import parquet

from benchmarks.processes import memories
from service.extracting.running import AT_ONCE

SIDE, BATCH, SHARD, BAD, KILLS = 96, 32, 256, 3, 5
DOCUMENTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "small": (
        lambda: keras.Sequential([
            keras.Input((SIDE, SIDE, 3)), keras.layers.Rescaling(1 / 255),
            *(keras.layers.Conv2D(filters, 3, 2, "same", activation="relu", name=f"conv{filters}")
              for filters in (16, 32, 64)),
            keras.layers.GlobalAveragePooling2D(name="pool"), keras.layers.Dense(10, name="dense"),
        ]), ("conv64", "pool", "dense"),
    ),
    "MobileNetV2": (
        lambda: keras.applications.MobileNetV2((SIDE, SIDE, 3), weights=None),
        ("out_relu", "global_average_pooling2d", "predictions"),
    ),
}  # fmt: skip
GOAL = 0.9
"""Least images a second, of those of `predict`."""


def make_pictures(folder: Path, count: int) -> None:
    """Write smooth pictures of SIDE pixels, and BAD damaged ones among them."""
    folder.mkdir()
    draw = np.random.default_rng(count)
    for number in range(count):
        small = Image.fromarray(draw.integers(0, 256, (12, 12, 3), np.uint8))
        small.resize((SIDE, SIDE), Image.Resampling.BILINEAR).save(folder / f"{number:06}.png")
    for number in range(BAD):
        (folder / f"{(number + 1) * count // (BAD + 1):06}.bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")


def command(pictures: Path, model: Path, layers: tuple[str, ...], out: Path, *more: str) -> list[str]:
    """Return the command line of an extraction."""
    return [sys.executable, "-m", "service.cli", "extract", str(pictures), "--model", str(model), "--out", str(out),
            "--layers", ",".join(layers), "--batch", str(BATCH), "--shard", str(SHARD), "--quiet", *more]  # fmt: skip


def run(arguments: list[str]) -> float:
    """Run an extraction; return its seconds."""
    started = time.monotonic()
    subprocess.run(arguments, check=True)
    return time.monotonic() - started


def rate_of(out: Path, count: int) -> float:
    """Return the pictures a second from the time when the first AT_ONCE shards are done, which are begun together, to
    the last: without the start of Ray and of the engine.
    """
    times = sorted(path.stat().st_mtime for path in out.glob("shard-*.parquet"))[AT_ONCE - 1 :]
    return (count - AT_ONCE * SHARD) / (times[-1] - times[0]) if len(times) > 1 else float("nan")


def predict_rate(pictures: Path, model: Any, layers: tuple[str, ...], count: int = 1000) -> float:
    """Return the pictures a second of one process: Pillow, then `predict_on_batch` of the same layers."""
    inner = keras.Model(model.inputs[0], [model.get_layer(name).output for name in layers])
    paths = [path for path in sorted(pictures.iterdir()) if ".bad" not in path.name][: BATCH * (count // BATCH)]
    inner.predict_on_batch(np.zeros((BATCH, SIDE, SIDE, 3), np.float32))
    started = time.monotonic()
    for at in range(0, len(paths), BATCH):
        batch = []
        for path in paths[at : at + BATCH]:
            with Image.open(path) as picture:
                batch.append(np.asarray(picture, np.float32))
        inner.predict_on_batch(np.stack(batch))
    return len(paths) / (time.monotonic() - started)


@contextmanager
def peak_memory(process: subprocess.Popen[bytes]) -> Iterator[Callable[[], float]]:
    """Yield a function that returns the largest memory so far, in MiB, of a process and all below it."""
    peak, is_over = [0.0], Event()

    def watch() -> None:
        while not is_over.wait(1):
            peak[0] = max(peak[0], sum(memories(process.pid).values()))

    thread = Thread(target=watch)
    thread.start()
    yield lambda: peak[0]
    is_over.set()
    thread.join()


def files_in(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def check_tables(out: Path, layer: str) -> bool:
    """Whether the top inputs, the summary and the errors are what NumPy makes of the arrays of a layer."""
    shards = [parquet.read_table(file, columns=["files", layer]) for file in sorted(out.glob("shard-*.parquet"))]
    names = [name for shard in shards for name in shard["files"].to_pylist()]
    shape = json.loads(shards[0].schema.field(layer).metadata[b"shape"])
    flat = np.concatenate([shard[layer].combine_chunks().flatten().to_numpy() for shard in shards])
    rows = flat.reshape(len(names), -1, shape[-1])
    order = np.argsort(-rows.max(1).astype(np.float64), axis=0, kind="stable")[:9]
    top = parquet.read_table(out / "_extract/top.parquet").to_pandas().query("layer == @layer")
    summary = parquet.read_table(out / "_extract/summary.parquet").to_pandas().query("layer == @layer")
    values = rows.reshape(-1, shape[-1])
    return (
        top["file"].tolist() == [names[at] for at in order.T.reshape(-1)]
        and np.allclose(summary["mean"], values.mean(0, dtype=np.float64), rtol=1e-9)
        and np.allclose(summary["variance"], values.var(0, dtype=np.float64), rtol=1e-9)
        and len(parquet.read_table(out / "_extract/errors.parquet")) == BAD
    )


def check_speed(folder: Path, pictures: Path, count: int, *more: str) -> bool:
    """Print the pictures a second of each model beside those of `predict`, and whether the tables are right."""
    passed = True
    for name, (make, layers) in DOCUMENTS.items():
        model, file = make(), folder / f"{name}.keras"
        model.save(file)
        base = predict_rate(pictures, model, layers)
        out, plain = folder / f"{name}.parquet", folder / f"{name}.plain.parquet"
        seconds = run(command(pictures, file, layers, plain, *more))
        rate = rate_of(plain, count)
        run(command(pictures, file, layers, out, "--top", "9", "--summary", *more))
        arrays = folder / f"{name}.zarr"
        run(command(pictures, file, layers, arrays, *more))
        found = zarr.open_group(arrays, mode="r")
        whole = parquet.read_table(plain, columns=[layers[-1]])[layers[-1]].combine_chunks().flatten().to_numpy()
        is_same = np.array_equal(found[layers[-1]][:][found["valid"][:]].reshape(-1), whole)
        tables = all(check_tables(out, layer) for layer in layers)
        print(f"{name:12} {rate:7.0f} a second, with tables {rate_of(out, count):7.0f}, predict {base:7.0f}: "
              f"{rate / base:.2f}; all of it {seconds:.0f} s; tables {tables}, zarr {is_same}", flush=True)  # fmt: skip
        passed &= tables and is_same and (bool(more) or rate >= GOAL * base)
        for done in (out, plain, arrays):
            shutil.rmtree(done)
    return passed


def check_kills(folder: Path, pictures: Path) -> bool:
    """Kill an extraction KILLS times, each after a random number of further shards, and compare every file in the end
    with those of one that was not.
    """
    make, layers = DOCUMENTS["small"]
    make().save(folder / "killed.keras")
    whole, killed = folder / "whole", folder / "killed"
    more = ("--shard", str(BATCH), "--top", "9", "--summary")
    run(command(pictures, folder / "killed.keras", layers, whole, *more))
    arguments, done = command(pictures, folder / "killed.keras", layers, killed, *more), 0
    for number in range(KILLS):
        process, enough = subprocess.Popen(arguments, start_new_session=True), done + random.randrange(5)
        while process.poll() is None and done <= enough:
            time.sleep(0.01)
            done = len(list(killed.glob("_extract/parts/*.npz")))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        print(f"kill {number + 1}: {done} shards are done", flush=True)
    run(arguments)
    return files_in(whole) == files_in(killed)


def check_memory(folder: Path) -> bool:
    """Print the largest memory of an extraction of 1,000 and of 20,000 pictures; in shards of one batch, so that 1,000
    are more of them than are read ahead.
    """
    make, layers = DOCUMENTS["small"]
    make().save(folder / "memory.keras")
    peaks = []
    for count in (1000, 20000):
        make_pictures(folder / str(count), count)
        out, shard = folder / f"m{count}", ("--shard", str(BATCH))
        process = subprocess.Popen(command(folder / str(count), folder / "memory.keras", layers, out, *shard))
        with peak_memory(process) as peak:
            process.wait()
        peaks.append(peak())
        print(f"{count} pictures: {peaks[-1]:.0f} MiB", flush=True)
    return peaks[1] < 1.1 * peaks[0]


@contextmanager
def three_nodes() -> Iterator[str]:
    """Run a Ray cluster of three nodes; yields its address."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 (only here)

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


def main(arguments: list[str]) -> None:
    """Run the checks that are named."""
    count = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 5000
    failed = []
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_pictures(folder / "pictures", count)
        for name in arguments or ("speed", "kills"):
            if name == "cluster":
                with three_nodes() as address:
                    passed = check_speed(folder, folder / "pictures", count, "--ray", address, "--engines", "2")
            else:
                passed = {
                    "speed": lambda: check_speed(folder, folder / "pictures", count),
                    "kills": lambda: check_kills(folder, folder / "pictures"),
                    "memory": lambda: check_memory(folder),
                }[name]()
            print(f"{name}: {'passed' if passed else 'FAILED'}")
            failed += [] if passed else [name]
    sys.exit(bool(failed))


if __name__ == "__main__":
    main(sys.argv[1:])
