"""Weights of Keras' older format in the forms of Keras 3: gates that were arrays of their own, layers of CuDNN.

Source: tf_keras.src.saving.legacy.hdf5_format (preprocess_weights_for_loading, _convert_rnn_weights).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from models.tensors.dtypes import Array
from models.weights.reader_messages import OlderFile, SavedLayer
from models.weights.source import Declared, TensorSource

LSTM_GATES, GRU_GATES = ("i", "f", "c", "o"), ("z", "r", "h")
"""The gates of Keras 2, in the order in which their kernels follow one another."""
PARTS = ("W", "U", "b")
"""Keras 1's names of a gate's kernel, its recurrent kernel and its bias: `lstm_1_W_i`."""
GATE = re.compile(r"_([WUb]_[a-z])(?:_\d+)?(?::0)?$")
"""The end of the name of a part of a gate."""
TRIPLE = 3
"""A recurrent layer has a kernel, a recurrent kernel and a bias."""
Compute = Callable[[Sequence[Array]], Array]


class Derived(NamedTuple):
    """A tensor computed from tensors of a file."""

    paths: tuple[str, ...]
    shape: tuple[int, ...]
    compute: Compute


@dataclass(frozen=True)
class ConvertedSource:
    """A file in Keras' older format whose tensors are read in the forms of Keras 3."""

    source: TensorSource
    saved: OlderFile
    tensors: Mapping[str, Declared]
    derived: Mapping[str, Derived] = field(default_factory=dict)
    names_are_paths = True

    @property
    def names(self) -> Mapping[str, str]:
        """Names of the file's groups."""
        return self.source.names

    def read(self, names: Sequence[str]) -> Iterator[Array]:
        """Yield the tensors of these names; those computed from others are copies."""
        needed = [path for name in names for path in self._paths(name)]
        arrays = iter(self.source.read(needed))
        for name in names:
            found = [next(arrays) for _ in self._paths(name)]
            yield self.derived[name].compute(found) if name in self.derived else found[0]

    def _paths(self, name: str) -> tuple[str, ...]:
        return self.derived[name].paths if name in self.derived else (name,)


def in_modern_form(source: TensorSource) -> TensorSource:
    """Return a source in Keras' older format with the weights of Keras 1 and of CuDNN's layers as Keras 3 has them."""
    if source.saved is None:
        return source
    derived: dict[str, Derived] = {}
    layers = tuple(_modern(layer, source.tensors, derived) for layer in source.saved.layers)
    if not derived:
        return source
    declared = {name: Declared(source.tensors[one.paths[0]].dtype, one.shape) for name, one in derived.items()}
    saved = msgspec.structs.replace(source.saved, layers=layers)
    return ConvertedSource(source, saved, {**source.tensors, **declared}, derived)


def _modern(layer: SavedLayer, tensors: Mapping[str, Declared], derived: dict[str, Derived]) -> SavedLayer:
    """Return a layer with the names of its weights in Keras 3's forms; those that are computed are added."""
    paths: list[str] = []
    left = list(layer.paths)
    while left:
        found = _gates(left, tensors) or _cudnn(left, tensors) or _convolution(left, tensors)
        for name, one in (found or {}).items():
            derived[name] = one
            paths.append(name)
        count = len({path for one in found.values() for path in one.paths}) if found else 1
        paths += [] if found else left[:1]
        del left[:count]
    return SavedLayer(layer.name, tuple(paths))


def _gates(paths: Sequence[str], tensors: Mapping[str, Declared]) -> dict[str, Derived] | None:
    """Join the gates of a recurrent layer of Keras 1, which come first in `paths`."""
    for gates in (LSTM_GATES, GRU_GATES):
        first = paths[: TRIPLE * len(gates)]
        named = {found[1]: path for path in first if (found := GATE.search(path)) is not None}
        if all(f"{part}_{gate}" in named for part in PARTS for gate in gates):
            return {
                f"{named[f'{part}_{gates[0]}']}…": _joined([named[f"{part}_{gate}"] for gate in gates], tensors)
                for part in PARTS
            }
    return None


def _joined(paths: Sequence[str], tensors: Mapping[str, Declared]) -> Derived:
    *others, last = tensors[paths[0]].shape
    return Derived(tuple(paths), (*others, last * len(paths)), lambda arrays: np.concatenate(arrays, axis=-1))


def _cudnn(paths: Sequence[str], tensors: Mapping[str, Declared]) -> dict[str, Derived] | None:
    """Convert the weights of a CuDNNLSTM or CuDNNGRU that come first in `paths`: each has two biases."""
    shapes = [tensors[path].shape for path in paths[:TRIPLE]]
    if len(shapes) < TRIPLE or [len(shape) for shape in shapes] != [2, 2, 1]:
        return None
    units, gates = shapes[1][0], {8: 4, 6: 3}.get(shapes[2][0] // max(1, shapes[1][0]), 0)
    if not gates or shapes[1][1] != gates * units or shapes[0][1] != gates * units or shapes[2][0] != 2 * gates * units:
        return None
    kernel, recurrent, bias = paths[:TRIPLE]
    bias_shape = (gates * units,) if gates == len(LSTM_GATES) else (2, gates * units)
    return {
        f"{kernel}…": Derived((kernel,), shapes[0], lambda arrays: _each(arrays[0], gates, _in_columns)),
        f"{recurrent}…": Derived((recurrent,), shapes[1], lambda arrays: _each(arrays[0], gates, np.transpose)),
        f"{bias}…": Derived(
            (bias,), bias_shape,
            lambda arrays: arrays[0].reshape(2, -1).sum(axis=0) if len(bias_shape) == 1 else arrays[0].reshape(2, -1),
        ),
    }  # fmt: skip


def _each(kernels: Array, gates: int, change: Callable[[Array], Array]) -> Array:
    """Return kernels side by side with each of them changed."""
    return np.hstack([change(kernel) for kernel in np.hsplit(kernels, gates)])


def _in_columns(kernel: Array) -> Array:
    """Return CuDNN's kernel, which is stored by columns, by rows."""
    return kernel.T.reshape(kernel.shape, order="F")


def _convolution(paths: Sequence[str], tensors: Mapping[str, Declared]) -> dict[str, Derived] | None:
    """Drop the second axis of a kernel of Keras 1's Convolution1D, (length, 1, channels, filters)."""
    path, shape = paths[0], tensors[paths[0]].shape
    name = path.rpartition("/")[2].removesuffix(":0")
    if not (name.startswith(("convolution1d", "atrousconvolution1d")) and name.endswith("_W") and len(shape) == 4):
        return None
    if shape[1] != 1:
        return None
    return {f"{path}…": Derived((path,), (shape[0], *shape[2:]), lambda arrays: arrays[0][:, 0])}
