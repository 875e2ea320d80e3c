"""What the number of threads does to the bits of activations: a program of its own, a process for each number."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from benchmarks.samples import ROOT
from models.engine.build import build
from models.engine.tensorflow_setup import prepare
from models.networks.expansion import expand
from models.reading.parse import parse_document

NETWORKS = {"MobileNetV2": 224, "ResNet50": 96, "VGG16": 96}
"""Names in `keras.applications`, and heights of their inputs."""
USUAL, OTHERS = 2, (1, 4, 16)


def main() -> None:
    """Prints a row for each network, with oneDNN and without, and each number of threads."""
    for name, onednn in product(NETWORKS, "01"):
        with TemporaryDirectory() as folder:
            usual, *others = (_computed(name, onednn, number, Path(folder)) for number in (USUAL, *OTHERS))
            for threads, other in zip(OTHERS, others, strict=True):
                sys.stdout.write(f"| {name} | oneDNN {onednn} | {threads} threads | {_differing(usual, other)} |\n")
                sys.stdout.flush()


def _computed(name: str, onednn: str, threads: int, folder: Path) -> Path:
    """Return a file of all activations, as a process of so many threads computes them."""
    path = folder / f"{threads}.npz"
    variables = {"TF_ENABLE_ONEDNN_OPTS": onednn, "TF_NUM_INTRAOP_THREADS": str(threads)}
    command = [sys.executable, "-m", "benchmarks.threads", name, str(path)]
    subprocess.run(command, env={**os.environ, **variables}, cwd=ROOT, check=True)
    return path


def _differing(usual: Path, other: Path) -> str:
    with np.load(usual) as one, np.load(other) as two:
        counts = [np.count_nonzero(one[key].view("i4") != two[key].view("i4")) for key in one.files]
        numbers = sum(one[key].size for key in one.files)
    return f"{sum(map(bool, counts))} of {len(counts)} activations, {sum(counts) / numbers:.2%} of numbers"


def save(name: str, path: Path) -> None:
    """Write all activations of one input, by the compiled function."""
    prepare()
    side = NETWORKS[name]
    raw = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3)).to_json()
    model = build(expand(parse_document(raw)), 2**34)
    selection = model.compiled_selection(model.network.layer_outputs, training=False, updates=False)
    picture = np.random.default_rng(0).normal(size=(1, side, side, 3)).astype(np.float32)
    selection.run([picture])
    np.savez(path, *[np.asarray(tensor) for tensor in selection.run([picture])])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        save(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
