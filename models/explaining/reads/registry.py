"""The rules of this folder's files, and what layers read that have none."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from models.explaining import reads
from models.explaining.reads.part import Part, every, found
from models.explaining.reads.rule import Reading, Rule
from models.explaining.sliding import seen
from models.layers.layer import Layer
from models.layers.operations import Operation
from models.layers.spatial import SpatialAxes


@cache
def rules() -> Mapping[type[Layer], Rule]:
    """Return the rules of this folder's files by the types that they are for."""
    names = (module.name for module in pkgutil.iter_modules(reads.__path__))
    items = [item for name in names for item in vars(import_module(f"{reads.__name__}.{name}")).values()]
    return {cls: rule for rule in items for cls in getattr(rule, "reads_of", ())}


def parts_of(reading: Reading[Any]) -> Sequence[Part]:
    """Return the part of each input that a part of a layer's output is computed from."""
    rule = next((rules()[cls] for cls in type(reading.layer).__mro__ if cls in rules()), unknown)
    return rule(reading)


def unknown(reading: Reading[Any]) -> Sequence[Part]:
    """Return what a layer without a rule may read: what its windows say, or everything in the same items."""
    windows = reading.layer.windows(reading.shapes[0]) if len(reading.shapes) == 1 else None
    return [_in_windows(reading, windows)] if windows else [_whole(reading, shape) for shape in reading.shapes]


def _in_windows(reading: Reading[Any], windows: Sequence[Any]) -> Part:
    """Return all channels in the windows, along the layer's spatial axes, or all but the first and the last."""
    layer, shape = reading.layer, reading.shapes[0]
    spatial = layer.spatial_axes() if isinstance(layer, SpatialAxes) else range(1, len(shape) - 1)
    axes = [every(length) for length in shape]
    axes[0] = reading.part.axes[0]
    for window, axis in zip(windows, spatial, strict=True):
        axes[axis] = found(seen(window, shape[axis], np.flatnonzero(reading.part.axes[axis])), shape[axis])
    return reading.part.loosened(axes)


def _whole(reading: Reading[Any], shape: tuple[int, ...]) -> Part:
    """Return everything; of the same rows, unless rows are mixed or may have moved."""
    layer, rows = reading.layer, reading.part.axes[0]
    keeps_rows = not isinstance(layer, Operation) and not layer.mixes_batch() and shape[:1] == rows.shape
    axes = [every(length) for length in shape]
    return reading.part.loosened([rows, *axes[1:]] if keeps_rows else axes, known=False)
