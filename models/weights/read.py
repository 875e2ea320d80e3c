"""Opening of a weights file by its content, whatever its name."""

from __future__ import annotations

from pathlib import Path

from models.errors import Unparsable
from models.files.signatures import EMPTY_ZIP, GZIP, HDF5, NPY, SAFETENSORS, START_BYTES, TAR, FileKind, Role
from models.files.unsupported import KERAS, NPZ, SAVED_MODEL, Advice, kind_of_file, unsupported_kind
from models.weights.hdf5 import Hdf5Source
from models.weights.keras_file import extract_weights
from models.weights.named_files import NpzSource, SafetensorsSource
from models.weights.saved_forms import in_modern_form
from models.weights.saved_model.source import SavedModelSource
from models.weights.source import FileLimits, TensorSource

READ = "a .keras, .h5, .weights.h5, .npz or .safetensors file, or a SavedModel folder in a .zip, .tar or .tar.gz"
SAVED_MODELS = (SAVED_MODEL, TAR, GZIP)
"""Archives of a SavedModel; those of anything else are refused once they are opened."""
ADVICE: Advice = {
    NPY: "it holds one array: numpy.savez('weights.npz', *model.get_weights()) writes all of them",
    Role.PICTURE: "pictures go to …/activations, as the part image",
    Role.JSON: "a document goes into the part model",
}


def read_weights(path: Path, scratch: Path, limits: FileLimits, pointer: str = "") -> TensorSource:
    """Open a .safetensors, .npz, .h5, .weights.h5 or .keras file or an archive of a SavedModel, and return its declared
    tensors; no value is read yet.

    `scratch` is an empty folder for extracted files. The caller removes it after reading.

    Raises:
        Unparsable: it is in none of these formats, or damaged.
        TooLarge: over `limits`, or over the format's own bounds on names and numbers.
        InvalidTensor: a dtype or a number of axes that is not supported.
    """
    kind = kind_at(path)
    if kind is HDF5:
        return in_modern_form(Hdf5Source(path, scratch, limits, pointer))
    if kind in SAVED_MODELS:
        return in_modern_form(SavedModelSource(path, scratch, limits, pointer))
    if kind is KERAS:
        return Hdf5Source(extract_weights(path, scratch, limits, pointer), scratch, limits, pointer)
    if kind is NPZ or kind is EMPTY_ZIP:  # what numpy.savez writes for a model without weights
        return NpzSource(path, scratch, limits, pointer)
    if kind is SAFETENSORS:
        return SafetensorsSource(path, pointer)
    raise unsupported_weights(path, pointer)


def kind_at(path: Path) -> FileKind | None:
    """Detect the kind of a file by its first bytes and members."""
    with path.open("rb") as file:
        return kind_of_file(file)


def unsupported_weights(path: Path, pointer: str) -> Unparsable:
    """Return the error for a file without weights in a supported format."""
    with path.open("rb") as file:
        start = file.read(START_BYTES)
        kind = kind_of_file(file)
    return Unparsable("", [unsupported_kind(kind, start, path.stat().st_size, READ, pointer, ADVICE)])
