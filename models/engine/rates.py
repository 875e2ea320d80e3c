"""Measured speed of this machine, from which an engine estimates the time of a request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import tensorflow as tf

from models.layers.work import Work

SLOWEST = {
    "matrix": 1e9, "convolution": 1e9, "depthwise": 1e8, "volume": 1e8, "pooled": 1e7, "pooled_volume": 2e6,
    "moved": 1e8, "launches": 1e4, "steps": 1e3, "drawn": 1e7, "factorised": 2e8,
}  # fmt: skip
"""Lower bounds on the rates: a machine that is busy while it is measured would refuse legitimate networks."""
TRIES = 3
"""The fastest try counts: other load on the machine only makes tries slower."""
LOOPED = 32
"""Steps of the timed loop."""
OPERATIONS = 24
"""Kernels launched in a timed step, about as many as in one of an LSTM."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Units per second of each kind of `Work`, and of drawing the weights of a network."""

    matrix: float
    convolution: float
    depthwise: float
    volume: float
    pooled: float
    pooled_volume: float
    moved: float
    launches: float
    steps: float
    drawn: float
    """Random numbers."""
    factorised: float
    """Multiply-adds of making a matrix orthogonal."""

    def seconds(self, work: Work) -> float:
        """Return the seconds that some work takes."""
        return float(sum(getattr(work, kind.name) / getattr(self, kind.name) for kind in fields(work)))


def measure_rates() -> Rates:
    """Measure the rates of this machine with TensorFlow as configured; takes some tenths of a second."""
    rates = {
        "matrix": _matrix(), "convolution": _convolution(), "depthwise": _depthwise(), "volume": _volume(),
        "pooled": _pooled(), "pooled_volume": _pooled_volume(), "moved": _moved(), "launches": _launches(),
        "steps": _steps(), "drawn": _drawn(), "factorised": _factorised(),
    }  # fmt: skip
    return Rates(**{name: max(rate, SLOWEST[name]) for name, rate in rates.items()})


def _rate(count: float, compute: Callable[[], Any], tries: int = TRIES) -> float:
    """Return the units per second of a computation of `count` units; the first call is not timed."""
    compute()
    return count / min(_timed(compute) for _ in range(tries))


def _timed(compute: Callable[[], Any]) -> float:
    """Return wall-clock seconds, or CPU seconds of this process if fewer: other processes may have run meanwhile."""
    started, used = time.perf_counter(), time.process_time()
    compute()
    return max(min(time.perf_counter() - started, time.process_time() - used), 1e-9)


def _matrix() -> float:
    left, right = tf.ones((256, 512)), tf.ones((512, 512))
    return _rate(256 * 512 * 512, lambda: tf.matmul(left, right))


def _convolution() -> float:
    images, kernel = tf.ones((1, 28, 28, 96)), tf.ones((3, 3, 96, 96))
    return _rate(28 * 28 * 96 * 9 * 96, lambda: tf.nn.conv2d(images, kernel, 1, "SAME"))


def _depthwise() -> float:
    images, kernel = tf.ones((1, 56, 56, 96)), tf.ones((3, 3, 96, 1))
    return _rate(56 * 56 * 96 * 9, lambda: tf.nn.depthwise_conv2d(images, kernel, (1, 1, 1, 1), "SAME"))


def _volume() -> float:
    volumes, kernel = tf.ones((1, 12, 12, 12, 8)), tf.ones((3, 3, 3, 8, 8))
    return _rate(12**3 * 8 * 27 * 8, lambda: tf.nn.conv3d(volumes, kernel, (1, 1, 1, 1, 1), "SAME"))


def _pooled() -> float:
    images = tf.ones((1, 32, 32, 8))
    return _rate(17 * 17 * 16 * 16, lambda: tf.nn.max_pool2d(images, 16, 1, "VALID"))


def _pooled_volume() -> float:
    volumes = tf.ones((1, 10, 10, 10, 8))
    return _rate(5**3 * 6**3, lambda: tf.nn.max_pool3d(volumes, 6, 1, "VALID"))


def _moved() -> float:
    """Return a third of the fastest: about every second time the memory is fresh and must be requested from the system
    first, which takes five times as long.
    """
    numbers = tf.ones((1 << 20,))
    return _rate(2 << 20, lambda: tf.nn.relu(numbers), 4 * TRIES) / 3


def _launches() -> float:
    def chain(x: Any) -> Any:
        for _ in range(OPERATIONS):
            x = tf.sin(x)
        return x

    with _traced(chain, tf.ones((4,))) as run:
        return _rate(OPERATIONS, run)


def _steps() -> float:
    def step(number: Any, x: Any) -> Any:
        for _ in range(OPERATIONS):
            x = tf.sin(x)
        return number + 1, x

    def loop(x: Any) -> Any:
        return tf.while_loop(lambda number, _: number < LOOPED, step, (0, x))

    with _traced(loop, tf.ones((4,))) as run:
        return _rate(LOOPED, run)


@contextmanager
def _traced(compute: Callable[[Any], Any], argument: Any) -> Iterator[Callable[[], Any]]:
    """Trace a function as networks are compiled; it is dropped after the block."""
    function = tf.function(compute, autograph=False).get_concrete_function(argument)
    yield lambda: function(argument)


def _drawn() -> float:
    return _rate(1 << 18, lambda: tf.random.stateless_normal((1 << 18,), (1, 2)))


def _factorised() -> float:
    matrix = tf.random.stateless_normal((160, 160), (1, 2))
    return _rate(factorisation(160, 160), lambda: tf.linalg.qr(matrix))


def factorisation(rows: float, columns: float) -> float:
    """Return the multiply-adds of making a matrix orthogonal, whichever side is longer (Householder, then Q itself)."""
    return 2 * rows * columns * min(rows, columns)
