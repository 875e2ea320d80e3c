"""The networks and inputs, and what Keras makes of them: `python -m benchmarks.networks FOLDER WORKLOAD…`.

Each workload gets a folder with `model.keras`, `input.npy` and `expected.npz`: the outputs asked for, by layer, in
order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from benchmarks.samples import EXPECTED, INPUT, MODEL, WORKLOADS

layers = keras.layers


def _input(*shape: int) -> keras.KerasTensor:
    return keras.Input(shape, name="input")


def tiny() -> keras.Model:
    """28×28×1 → Conv2D, BatchNormalization, ReLU, MaxPooling2D, Flatten, Dense: 8,242 numbers."""
    names = iter(("conv2d", "batch_normalization", "re_lu", "max_pooling2d", "flatten", "dense"))
    steps = [
        layers.Conv2D(3, 3, padding="same", name=next(names)),
        layers.BatchNormalization(name=next(names)),
        layers.ReLU(name=next(names)),
        layers.MaxPooling2D(name=next(names)),
        layers.Flatten(name=next(names)),
        layers.Dense(10, activation="softmax", name=next(names)),
    ]
    return keras.Sequential([_input(28, 28, 1), *steps])


def mobile() -> keras.Model:
    """MobileNetV2 on 224×224×3."""
    return keras.applications.MobileNetV2(weights=None, input_tensor=_input(224, 224, 3))


def hd() -> keras.Model:
    """A full-HD picture through one strided convolution: 1.3 million numbers."""
    return keras.Sequential([_input(1920, 1080, 3), layers.Conv2D(16, 5, strides=5, name="conv2d")])


NETWORKS: dict[str, Callable[[], keras.Model]] = {"tiny": tiny, "mnv2": mobile, "mnv2all": mobile, "hd": hd}


def save(workload: str, folder: Path) -> None:
    """Writes one workload's files; the same every time."""
    keras.utils.set_random_seed(0)
    model = NETWORKS[workload]()
    picture = np.random.default_rng(0).integers(0, 256, (1, *model.input_shape[1:])).astype(np.float32)
    outputs = WORKLOADS[workload].outputs or [
        layer.name for layer in model.layers if not isinstance(layer, layers.InputLayer)
    ]
    probe = keras.Model(model.inputs[0], {name: model.get_layer(name).output for name in outputs})
    values = probe(picture, training=False)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / MODEL)
    np.save(folder / INPUT, picture)
    np.savez(folder / EXPECTED, **{name: np.asarray(values[name]) for name in outputs})


if __name__ == "__main__":
    for name in sys.argv[2:]:
        save(name, Path(sys.argv[1]) / name)
