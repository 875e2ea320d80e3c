"""How fast this machine is, measured: what an engine estimates the time of a request by."""

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
"""What no machine is taken to be slower than: one that is busy while it is measured would refuse honest networks."""
TRIES = 3
"""The fastest counts: whatever else the machine does at the time only makes them slower."""
LOOPED = 32
"""Steps of the loop that is timed."""
OPERATIONS = 24
"""Kernels that are started in the step that is timed, about as many as in one of an LSTM."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Of each kind of `Work`, how many a second; and of what is done as a network gets its weights."""

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
        """What some work takes."""
        return float(sum(getattr(work, one.name) / getattr(self, one.name) for one in fields(work)))


def measured() -> Rates:
    """The rates of this machine, as TensorFlow is set up here; takes some tenths of a second."""
    found = {
        "matrix": _matrix(), "convolution": _convolution(), "depthwise": _depthwise(), "volume": _volume(),
        "pooled": _pooled(), "pooled_volume": _pooled_volume(), "moved": _moved(), "launches": _launches(),
        "steps": _steps(), "drawn": _drawn(), "factorised": _factorised(),
    }  # fmt: skip
    return Rates(**{name: max(rate, SLOWEST[name]) for name, rate in found.items()})


def _rate(count: float, compute: Callable[[], Any], tries: int = TRIES) -> float:
    """How many a second, of a computation that does `count`; the first time is not counted."""
    compute()
    return count / min(_timed(compute) for _ in range(tries))


def _timed(compute: Callable[[], Any]) -> float:
    """Seconds of a clock, or of this process' own processor time where that is less: others were served meanwhile."""
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
    """A third of the fastest: every second time or so the memory is fresh, and to be had from the system first, which
    takes five times as long.
    """
    numbers = tf.ones((1 << 20,))
    return _rate(2 << 20, lambda: tf.nn.relu(numbers), 4 * TRIES) / 3


def _launches() -> float:
    def chain(x: Any) -> Any:
        for _ in range(OPERATIONS):
            x = tf.sin(x)
        return x

    with _function(chain, tf.ones((4,))) as run:
        return _rate(OPERATIONS, run)


def _steps() -> float:
    def step(number: Any, x: Any) -> Any:
        for _ in range(OPERATIONS):
            x = tf.sin(x)
        return number + 1, x

    def loop(x: Any) -> Any:
        return tf.while_loop(lambda number, _: number < LOOPED, step, (0, x))

    with _function(loop, tf.ones((4,))) as run:
        return _rate(LOOPED, run)


@contextmanager
def _function(compute: Callable[[Any], Any], given: Any) -> Iterator[Callable[[], Any]]:
    """A function as networks are compiled, which is forgotten after the block."""
    function = tf.function(compute, autograph=False).get_concrete_function(given)
    yield lambda: function(given)


def _drawn() -> float:
    return _rate(1 << 18, lambda: tf.random.stateless_normal((1 << 18,), (1, 2)))


def _factorised() -> float:
    matrix = tf.random.stateless_normal((160, 160), (1, 2))
    return _rate(factorisation(160, 160), lambda: tf.linalg.qr(matrix))


def factorisation(rows: float, columns: float) -> float:
    """Multiply-adds of making a matrix orthogonal, whichever of its sides is longer (Householder, then Q itself)."""
    return 2 * rows * columns * min(rows, columns)
