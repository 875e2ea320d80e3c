"""Class labels in JSON: beside the indices of top units, or as a list."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

from models.ipc.messages import LayerInfo
from models.tensors.dtypes import Array
from models.views.labels import Names
from service.wire.json_values import LARGE_BYTES, Large, nested_pieces

CHARACTER_BYTES = 4
"""Most bytes of a character in JSON: UTF-8, and of those that are escaped two."""
QUOTES = 3
"""Bytes of the quotes around a name, and the comma after it."""


def named_units(indices: Array, names: Names) -> Any:
    """Return the names of units, nested as their indices are, for orjson."""
    if indices.size * longest_label(names) <= LARGE_BYTES:
        return _looked_up(indices, names)
    return Large(indices, partial(_pieces, names=names))


def _pieces(indices: Array, names: Names) -> Any:
    return nested_pieces(indices, partial(_looked_up, names=names), max(1, LARGE_BYTES // longest_label(names)))


def _looked_up(indices: Array, names: Names) -> Any:
    return np.array(names, object)[indices].tolist()


def longest_label(names: Names) -> int:
    """Return the most bytes that a name takes."""
    return CHARACTER_BYTES * max(map(len, names)) + QUOTES


def label_bytes(layer: LayerInfo, names: Names) -> int:
    """Return the most bytes of a layer's labels in a reply: of all names, or those of its top units."""
    top = None if layer.view is None else layer.view.get("top")
    return (len(names) if top is None or layer.view is None else prod(layer.view["shape"])) * longest_label(names)
