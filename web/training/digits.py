"""Trains the page's digit network, and draws its samples: `python web/training/digits.py FOLDER_OF_MNIST`.

Writes `web/src/network/digits.safetensors` (5,932 float32 weights) and `web/src/input/digits.png`, ten digits that it
was not trained on, side by side. The folder has `t10k-images-idx3-ubyte.gz` and `t10k-labels-idx1-ubyte.gz` of MNIST
(Y. LeCun, C. Cortes, C. Burges), whose last 1,000 pictures are kept for the test.
"""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from PIL import Image
from safetensors.numpy import save_file

SOURCES = Path(__file__).parent.parent / "src"
HELD_BACK = 1000
EPOCHS = 60
HEADER_BYTES = {"images": 16, "labels": 8}
"""Before the values of an IDX file. Source: yann.lecun.com/exdb/mnist."""


def read(folder: Path, kind: str) -> np.ndarray[Any, Any]:
    """Read an IDX file of unsigned bytes: `images` as n × 28 × 28 × 1, `labels` as n."""
    rank = {"images": 3, "labels": 1}[kind]
    data = gzip.decompress((folder / f"t10k-{kind}-idx{rank}-ubyte.gz").read_bytes())
    values = np.frombuffer(data, np.uint8, offset=HEADER_BYTES[kind])
    return values.reshape(-1, 28, 28, 1) if kind == "images" else values


def network() -> keras.Sequential:
    """The chain of the tutorials, on pixels from 0 to 1."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(),
        layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def train(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> keras.Sequential:
    """Train on pictures that are shifted, turned and scaled a little: people draw digits anywhere on the pad."""
    layers = keras.layers
    varied = keras.Sequential([
        layers.RandomTranslation(0.08, 0.08, fill_mode="constant", seed=1),
        layers.RandomRotation(0.03, fill_mode="constant", seed=2),
        layers.RandomZoom(0.12, fill_mode="constant", seed=3),
    ])  # fmt: skip
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * len(images) // 64)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for _ in range(EPOCHS):
        model.fit(np.asarray(varied(images, training=True)), labels, batch_size=64, epochs=1, verbose=0)
    return model


def save(model: keras.Sequential) -> None:
    """Write the weights under the names that the service gives them."""
    tensors = {f"{layer.name}/{weight.name}": np.asarray(weight) for layer in model.layers for weight in layer.weights}
    save_file(tensors, SOURCES / "network" / "digits.safetensors")


def draw(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> None:
    """Write the held back picture of each digit that is nearest to their mean, 28 × 280 pixels."""
    chosen = [_typical(images[labels == digit, :, :, 0]) for digit in range(10)]
    Image.fromarray(np.concatenate(chosen, axis=1)).save(SOURCES / "input" / "digits.png", optimize=True)


def _typical(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    distances = ((images - images.mean(axis=0)) ** 2).sum(axis=(1, 2))
    return np.asarray(images[distances.argmin()])


def main() -> None:
    """Train, test, and write both files."""
    keras.utils.set_random_seed(0)
    folder = Path(sys.argv[1])
    images, labels = read(folder, "images"), read(folder, "labels")
    pixels = images.astype(np.float32) / 255
    model = train(pixels[:-HELD_BACK], labels[:-HELD_BACK])
    _, accuracy = model.evaluate(pixels[-HELD_BACK:], labels[-HELD_BACK:], verbose=0)
    save(model)
    draw(images[-HELD_BACK:], labels[-HELD_BACK:])
    sys.stdout.write(f"{accuracy:.1%} of {HELD_BACK} pictures that it was not trained on\n")


if __name__ == "__main__":
    main()
