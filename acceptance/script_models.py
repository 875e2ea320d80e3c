"""Models that a script of somebody's builds: its statements run one by one, those that fail are passed over.

Nothing is downloaded and nothing trained: data sets are small and random, `fit` only calls the model once, and networks
of keras.applications have random weights.
"""

from __future__ import annotations

import ast
import collections
import contextlib
import os
import signal
import subprocess
import time
import types
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

SECONDS = 60
"""Longest that a script runs."""
STATEMENT_SECONDS = 15
"""Longest that one of its statements runs."""
IMAGES = {"mnist": ((28, 28), 10), "fashion_mnist": ((28, 28), 10), "cifar10": ((32, 32, 3), 10),
          "cifar100": ((32, 32, 3), 100)}  # fmt: skip
"""Data sets of keras.datasets: the shapes of their pictures, and the numbers of their classes."""


class TooSlow(BaseException):
    """A statement takes too long; not an Exception, which the script might catch."""


def models_of(script: Path) -> list[keras.Model]:
    """Run a script, and return the models that it made, but those inside a Sequential. Changes Keras for good."""
    models: list[keras.Model] = []
    _prepare(models)
    names = {"__name__": "__main__", "__file__": str(script)}
    end = time.monotonic() + SECONDS
    for statement in ast.parse(script.read_text()).body:
        if time.monotonic() < end:
            with contextlib.suppress(Exception, SystemExit, TooSlow), _limited():
                exec(compile(ast.Module([statement], []), str(script), "exec"), names)  # noqa: S102
    inner = {id(getattr(model, "_functional", None)) for model in models}
    return [model for model in models if id(model) not in inner]


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, STATEMENT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _raise_too_slow(*_: Any) -> None:
    raise TooSlow


def _prepare(models: list[keras.Model]) -> None:
    """Let Keras download and train nothing, and list the models that are made."""
    signal.signal(signal.SIGALRM, _raise_too_slow)
    keras.Model.fit = _fit
    keras.Model.evaluate = lambda *_, **__: [0.0] * 8
    for name in ("load_weights", "save", "save_weights"):
        setattr(keras.Model, name, lambda *_, **__: None)
    keras.utils.get_file = urllib.request.urlopen = urllib.request.urlretrieve = _offline
    os.system = subprocess.run = subprocess.Popen = _offline  # of pip, wget, tar
    for name, (shape, classes) in IMAGES.items():
        getattr(keras.datasets, name).load_data = _pictures(shape, classes)
    for name in [name for name in dir(keras.applications) if name[0].isupper()]:
        setattr(keras.applications, name, _without_weights(getattr(keras.applications, name)))
    keras.Model.__new__ = _listing(models, keras.Model.__new__)
    keras.layers.Layer.__call__ = _noting(keras.layers.Layer.__call__)


def _fit(model: keras.Model, x: Any = None, *_: Any, **__: Any) -> Any:
    """Call a model on the first rows of its data."""
    with contextlib.suppress(Exception):
        rows = next(iter(x)) if hasattr(x, "element_spec") else x
        model(keras.tree.map_structure(lambda array: array[:2], rows[0] if isinstance(rows, tuple) else rows))
    return types.SimpleNamespace(history=collections.defaultdict(lambda: [0.0]))


def _offline(*_: Any, **__: Any) -> None:
    raise OSError("nothing is downloaded")


def _pictures(shape: tuple[int, ...], classes: int) -> Callable[[], Any]:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (64, *shape)).astype("uint8")
    labels = random.integers(0, classes, (64,) if len(shape) == 2 else (64, 1)).astype("uint8")
    return lambda: ((pictures, labels), (pictures, labels))


def _without_weights(network: Any) -> Any:
    return lambda *args, **arguments: network(*args, **arguments | {"weights": None})


def _listing(models: list[keras.Model], own: Any) -> Any:
    def new(cls: type, *args: Any, **arguments: Any) -> Any:
        models.append(own(cls, *args, **arguments))
        return models[-1]

    return new


def _noting(own: Any) -> Any:
    """Return Layer.__call__ that notes the inputs of a model: a sub-classed one has none of its own."""

    def call(layer: Any, *args: Any, **arguments: Any) -> Any:
        if isinstance(layer, keras.Model) and len(args) == 1 and not hasattr(layer, "called_on"):
            with contextlib.suppress(Exception):
                object.__setattr__(layer, "called_on", keras.tree.map_structure(described, args[0]))
        return own(layer, *args, **arguments)

    return call


def described(tensor: Any) -> keras.KerasTensor:
    """Return the symbolic tensor of an array, of any number of rows."""
    return keras.KerasTensor((None, *tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype))
