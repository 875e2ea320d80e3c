"""Explanations beside plain runs and hand-written functions, in turns: `python -m benchmarks.explain [ROUNDS]`.

Each row is a ratio of medians of one run, as machines are shared: the service's time for an explanation by the time of
what it should cost, be that the service's own plain runs or a compiled function in this process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
import keras
import numpy as np
import tensorflow as tf

from acceptance.live_service import running
from benchmarks.samples import Array
from benchmarks.timings import timed

SIZE, STEPS, WINDOW, STRIDE = 224, 50, 32, 16
BATCH = 10
"""Rows at once of the hand-written function; the fastest of 1, 10, 25 and 50 on two cores."""
HEADERS = {"Content-Type": "application/x-npy", "Accept": "application/vnd.safetensors"}


class Asked:
    """A service that has MobileNetV2, and a picture."""

    def __init__(self, client: httpx.Client, body: bytes) -> None:
        self._client, self._body = client, body

    def plain(self) -> None:
        """Run the network, for its last layer."""
        self._post("activations", layers="predictions")

    def explanation(self, **options: str) -> None:
        """Explain the default target."""
        self._post("explanations", **options)

    def every_layer(self) -> None:
        """Run the network, for the figures of every layer."""
        self._post("activations", layers="**", data="none", stats="true")

    def comparison(self, layers: str) -> None:
        """Compare the network with one that has other weights."""
        self._post("comparisons", b='{"model": "other"}', layers=layers, format="json")

    def _post(self, route: str, **options: str) -> None:
        reply = self._client.post(f"/v1/models/net/{route}", params=options, content=self._body, headers=HEADERS)
        reply.raise_for_status()


def functions(model: keras.Model) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Return hand-written compiled functions: the gradients of rows at the input, and their scores."""
    scores = keras.Model(model.input, model.get_layer("predictions").output)

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32)])
    def gradients(rows: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            score = tf.reduce_sum(scores(rows, training=False)[:, 0])
        return tape.gradient(score, rows)

    forward = tf.function(lambda rows: scores(rows, training=False)).get_concrete_function(
        tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32)
    )
    return lambda rows: gradients(tf.constant(rows)).numpy(), lambda rows: forward(tf.constant(rows)).numpy()


def put(client: httpx.Client, name: str, model: keras.Model, folder: Path) -> None:
    """Register a network with its weights."""
    model.save(folder / "net.keras")
    client.put(f"/v1/models/{name}", files={"weights": (folder / "net.keras").read_bytes()}).raise_for_status()


def in_batches(function: Callable[[Array], Array], rows: Array) -> None:
    """Call a function on rows, a batch at a time."""
    for start in range(0, len(rows), BATCH):
        function(rows[start : start + BATCH])


def main() -> None:
    """Measure every pair in turns, and print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    model = keras.applications.MobileNetV2(weights=None)
    picture = np.random.default_rng(0).uniform(-1, 1, (1, SIZE, SIZE, 3)).astype(np.float32)
    gradients, forward = functions(model)
    path, windows = np.repeat(picture, STEPS, axis=0), np.repeat(picture, ((SIZE - WINDOW) // STRIDE + 1) ** 2, axis=0)
    with TemporaryDirectory() as folder, running(Path(folder) / "data") as service:
        model.save(Path(folder) / "net.keras")
        put(service.client, "net", model, Path(folder))
        put(service.client, "other", keras.models.clone_model(model), Path(folder))
        np.save(Path(folder) / "picture.npy", picture)
        asked = Asked(service.client, (Path(folder) / "picture.npy").read_bytes())
        rows = {
            "gradient to the input / plain run": (lambda: asked.explanation(method="gradient"), asked.plain),
            "grad_cam / plain run": (lambda: asked.explanation(method="grad_cam"), asked.plain),
            f"integrated_gradients, {STEPS} steps / as many gradients by hand": (
                lambda: asked.explanation(method="integrated_gradients", steps=str(STEPS)),
                lambda: in_batches(gradients, path),
            ),
            f"occlusion, {len(windows)} windows / as many forwards by hand": (
                lambda: asked.explanation(method="occlusion", window=str(WINDOW), stride=str(STRIDE)),
                lambda: in_batches(forward, windows),
            ),
            "comparison of the last layer / plain run": (lambda: asked.comparison("predictions"), asked.plain),
            "comparison of every layer / plain run of every layer": (lambda: asked.comparison("**"), asked.every_layer),
        }
        for name, (ours, other) in rows.items():
            print(f"{name:60} {ratio(ours, other, rounds)}", flush=True)


def ratio(ours: Callable[[], None], other: Callable[[], None], rounds: int) -> str:
    """Return the ratio of the medians of calls in turns, and the medians in milliseconds; the first calls warm up."""
    ours(), other()
    times = [(timed(lambda _: ours(), None), timed(lambda _: other(), None)) for _ in range(rounds)]
    first, second = (median(column) for column in zip(*times, strict=True))
    return f"{first / second:6.2f}   ({first:.1f} / {second:.1f} ms)"


if __name__ == "__main__":
    main()
