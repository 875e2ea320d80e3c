"""`python -m benchmarks.start`: the seconds until Layerscope answers and until it is ready, beside a bare process.

The bare process imports TensorFlow and Keras and calls a network of one layer. Rounds alternate; `--before TREE` also
starts another tree's Layerscope, with this one's environment. Run nothing else at the same time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median

from benchmarks.processes import cpu_seconds
from benchmarks.running import START_SECONDS, NotStarted, end, free_port
from benchmarks.samples import ROOT

BARE = """
import tensorflow, keras
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
model(tensorflow.zeros((1, 8)))
print("ready", flush=True)
input()
"""
POLL_SECONDS = 0.01
Times = dict[str, float]
"""Seconds by what they are of: until `/healthz` is answered, until ready, and of processors until then."""


def bare() -> Times:
    """The process that does the least."""
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", BARE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout  # noqa: S101 (a pipe)
        if process.stdout.readline() != "ready\n":
            raise NotStarted("TensorFlow and Keras cannot be imported")
        times = {"ready": time.perf_counter() - begun, "processors": cpu_seconds(process.pid)}
        process.communicate("\n")
    return times


def layerscope(tree: Path) -> Times:
    """`layerscope serve` of a tree, with an empty store."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "service.cli", "serve", "--port", str(port), "--data-dir", folder]
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=tree, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            alive = _answered(process, port, "/healthz") - begun
            ready = _answered(process, port, "/readyz") - begun
            return {"alive": alive, "ready": ready, "processors": cpu_seconds(process.pid)}
        finally:
            end(process)


def _answered(process: subprocess.Popen[bytes], port: int, path: str) -> float:
    """When a path is answered with 200."""
    last = time.perf_counter() + START_SECONDS
    while not _answers(port, path):
        if process.poll() is not None or time.perf_counter() > last:
            raise NotStarted(f"{path} is not answered")
        time.sleep(POLL_SECONDS)
    return time.perf_counter()


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def table(rounds: Sequence[dict[str, Times]]) -> Iterator[str]:
    """A line for each figure: the least and the median of the rounds, and both divided by those of the bare process."""
    yield "| | seconds of | least | median | by bare: least | median |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for name, times in rounds[0].items():
        for figure in times:
            own = [one[name][figure] for one in rounds]
            floor = [one["bare"].get(figure, one["bare"]["ready"]) for one in rounds]
            cells = (min(own), median(own), min(own) / min(floor), median(own) / median(floor))
            yield f"| {name} | {figure} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |"


def main() -> None:
    """Start each in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="a tree to compare with")
    options = parser.parse_args()
    trees = {"layerscope": ROOT} | ({"before": options.before} if options.before else {})
    rounds = [
        {"bare": bare()} | {name: layerscope(tree) for name, tree in trees.items()} for _ in range(options.rounds)
    ]
    sys.stdout.write("\n".join(table(rounds)) + "\n")


if __name__ == "__main__":
    main()
