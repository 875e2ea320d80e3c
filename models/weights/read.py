"""A file of weights opened by what it holds, whatever it is called."""

from __future__ import annotations

from pathlib import Path

from models.tensors.archive import END, ZIP_START, Archive, Kind
from models.weights.hdf5 import Hdf5Source
from models.weights.keras_file import WEIGHTS, extract_weights
from models.weights.named_files import NpzSource, SafetensorsSource
from models.weights.source import Limits, TensorSource

HDF5 = b"\x89HDF\r\n\x1a\n"
EITHER = Kind("ZIP", "", "a .npz or .keras file")


def read_weights(path: Path, scratch: Path, limits: Limits, pointer: str = "") -> TensorSource:
    """The tensors that a .safetensors, .npz, .weights.h5 or .keras file declares; no value is read yet.

    `scratch` is an empty folder for what has to be unpacked. The caller removes it when it has read what it wanted.

    Raises:
        Unparsable: it is in none of these formats, or damaged.
        TooLarge: over `limits`, or over the format's own bounds on names and numbers.
        InvalidTensor: a dtype or a number of axes that no tensor here has.
    """
    with path.open("rb") as file:
        start = file.read(len(HDF5))
    if start == HDF5:
        return Hdf5Source(path, scratch, limits, pointer)
    if not start.startswith((ZIP_START, END)):
        return SafetensorsSource(path, pointer)
    if _is_keras(path, limits, pointer):
        return Hdf5Source(extract_weights(path, scratch, limits, pointer), scratch, limits, pointer)
    return NpzSource(path, scratch, limits, pointer)


def _is_keras(path: Path, limits: Limits, pointer: str) -> bool:
    """Whether an archive has Keras' weights in it; nothing is decompressed."""
    with path.open("rb") as file:
        return WEIGHTS in Archive(file, EITHER, limits.max_bytes, pointer).members
