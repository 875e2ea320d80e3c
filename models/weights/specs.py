"""The weights a network expects of a file, and the canonical file that holds them."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import NamedTuple

import msgspec

from models.tensors.dtypes import DTYPES


class WeightSpec(msgspec.Struct, frozen=True, array_like=True):
    """One expected tensor. `name` is the layer's path and the variable's: `block/conv2d/kernel`.

    `hdf5` is where Keras keeps it in a .weights.h5 file, with `*0`, `*1`, … for the first, second, … nested model
    of a level: Keras names those after their class. Where the document knows it, it follows: `*0:sequential`.
    `layers` are the names of the layers at each `layers/…` of that path; `copies` are where Keras writes the same
    variable again. `trainable` is false for moving averages and for the weights of frozen layers: Keras' older format
    has these after the others of a layer.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    hdf5: str
    layers: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    trainable: bool = True

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor."""
        return prod(self.shape) * DTYPES[self.dtype].itemsize


class WeightsFile(msgspec.Struct, frozen=True, array_like=True):
    """A canonical weights file: its path, and the SHA-256 of its bytes in hexadecimal."""

    path: str
    digest: str


class WeightsToStore(NamedTuple):
    """A canonical file to be stored, and its digest."""

    path: Path
    digest: str
