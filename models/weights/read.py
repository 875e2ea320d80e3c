"""A file of weights opened by what it holds, whatever it is called."""

from __future__ import annotations

from pathlib import Path

from models.errors import Unparsable
from models.files.signatures import EMPTY_ZIP, HDF5, NPY, SAFETENSORS, START_BYTES, FileKind, Role
from models.files.unread import KERAS, NPZ, Advice, told, unread_kind
from models.weights.hdf5 import Hdf5Source
from models.weights.keras_file import extract_weights
from models.weights.named_files import NpzSource, SafetensorsSource
from models.weights.source import Limits, TensorSource

READ = "a .keras, .weights.h5, .npz or .safetensors file"
ADVICE: Advice = {
    NPY: "it holds one array: numpy.savez('weights.npz', *model.get_weights()) writes all of them",
    Role.PICTURE: "pictures go to …/activations, as the part image",
    Role.JSON: "a document goes into the part model",
}


def read_weights(path: Path, scratch: Path, limits: Limits, pointer: str = "") -> TensorSource:
    """The tensors that a .safetensors, .npz, .weights.h5 or .keras file declares; no value is read yet.

    `scratch` is an empty folder for what has to be unpacked. The caller removes it when it has read what it wanted.

    Raises:
        Unparsable: it is in none of these formats, or damaged.
        TooLarge: over `limits`, or over the format's own bounds on names and numbers.
        InvalidTensor: a dtype or a number of axes that no tensor here has.
    """
    kind = kind_at(path)
    if kind is HDF5:
        return Hdf5Source(path, scratch, limits, pointer)
    if kind is KERAS:
        return Hdf5Source(extract_weights(path, scratch, limits, pointer), scratch, limits, pointer)
    if kind is NPZ or kind is EMPTY_ZIP:  # what numpy.savez writes of the weights of a model without any
        return NpzSource(path, scratch, limits, pointer)
    if kind is SAFETENSORS:
        return SafetensorsSource(path, pointer)
    raise unread_weights(path, pointer)


def kind_at(path: Path) -> FileKind | None:
    """What a file is, by its first bytes and members."""
    with path.open("rb") as file:
        return told(file)


def unread_weights(path: Path, pointer: str) -> Unparsable:
    """The error for a file that holds no weights in a format that is read."""
    with path.open("rb") as file:
        start = file.read(START_BYTES)
        kind = told(file)
    return Unparsable("", [unread_kind(kind, start, path.stat().st_size, READ, pointer, ADVICE)])
