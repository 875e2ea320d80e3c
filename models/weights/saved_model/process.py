"""Process `python -m models.weights.saved_model.process`: reads one archive of a SavedModel and exits.

Job on standard input, reply out, as `reader_process` says. Nothing of the graph is read: only the objects, Keras' JSON
and the checkpoint.
"""

from __future__ import annotations

import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from models.errors import LayerscopeError, TooLarge
from models.weights.reader_messages import Copied, Listing, OlderFile, ReadJob, SavedLayer
from models.weights.reader_process import serve
from models.weights.reader_refusal import Refusal
from models.weights.saved_model.bundle import Bundle
from models.weights.saved_model.keras_model import KerasModel, keras_model
from models.weights.saved_model.layers import Layers, LayerVariables
from models.weights.saved_model.members import GRAPH, METADATA, unpack
from models.weights.saved_model.object_graph import read_keys, read_metadata, read_objects

OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The key of the checkpoint's graph of objects."""
MAX_FILE = 128 * 1024 * 1024
"""Most bytes of saved_model.pb and keras_metadata.pb."""
MAX_TENSORS = 4096
OLDEST = "2.x"
"""The version of Keras in a file that does not say: SavedModels began with Keras 2."""
FAILURES = (
    OSError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError, EOFError, struct.error,
    tarfile.TarError, zlib.error, msgspec.MsgspecError,
)  # fmt: skip
"""Errors on damaged files."""


class Opened(NamedTuple):
    """What a SavedModel says: the model, where its JSON was, its layers, and the key of each of their variables."""

    model: KerasModel
    member: str
    layers: list[LayerVariables]
    keys: dict[str, str]
    bundle: Bundle


def main() -> None:
    """Run one job and write one reply."""
    serve(_run, FAILURES, "this SavedModel cannot be read: it is damaged, or none")


def _run(job: ReadJob) -> Listing | Copied:
    folder = Path(job.folder)
    if not folder.exists():
        _unpack(job, folder)
    opened = _open(folder)
    return _copy(job, opened) if job.target else _listing(opened)


def _unpack(job: ReadJob, folder: Path) -> None:
    try:
        unpack(Path(job.file), folder, job.max_bytes)
    except LayerscopeError as error:
        problem = error.problems[0]
        too_large = isinstance(error, TooLarge)
        raise Refusal(problem.message, str(problem.received), too_large, problem.suggestion) from None


def _open(folder: Path) -> Opened:
    """Read the objects and the index of the checkpoint."""
    objects = read_objects(_data(folder / GRAPH))
    member = METADATA if (folder / METADATA).exists() else GRAPH
    metadata = {number: one.metadata for number, one in enumerate(objects) if one.metadata}
    if member == METADATA:
        metadata = read_metadata(_data(folder / METADATA))
    model = keras_model(objects, metadata)
    layers = list(Layers(objects, metadata))
    bundle = Bundle(folder)
    keys = read_keys(bundle.text(OBJECTS), objects)
    paths = dict(_keys(layers, keys))
    _check_classes(layers, model)
    return Opened(model, member, layers, paths, bundle)


def _data(path: Path) -> memoryview:
    if path.stat().st_size > MAX_FILE:
        raise Refusal(f"{path.name} is too large", f"over {MAX_FILE} bytes", too_large=True)
    return memoryview(path.read_bytes())


def _keys(layers: list[LayerVariables], keys: dict[int, str]) -> Iterator[tuple[str, str]]:
    """Yield the path and the key of each layer's variables."""
    count = 0
    for layer in layers:
        for path, number in layer.variables:
            if number not in keys:
                raise Refusal("a variable has no numbers in the checkpoint", _shown(path))
            count += 1
            if count > MAX_TENSORS:
                raise Refusal("the file has too many tensors", f"over {MAX_TENSORS} tensors", too_large=True)
            yield path, keys[number]


def _check_classes(layers: list[LayerVariables], model: KerasModel) -> None:
    """Check that layers with variables are those of the config, by their names and classes."""
    for layer in layers:
        if layer.variables and model.classes.get(layer.name) != layer.class_name:
            received = f"{_shown(layer.name)} of class {_shown(layer.class_name)} among the objects"
            raise Refusal("the config and the objects of this SavedModel differ", received)


def _listing(opened: Opened) -> Listing:
    tensors = {path: opened.bundle.declared(key) for path, key in opened.keys.items()}
    layers = tuple(SavedLayer(one.name, tuple(path for path, _ in one.variables)) for one in opened.layers)
    model = opened.model
    return Listing(tensors, {}, OlderFile(layers, model.text, model.version or OLDEST, model.backend, opened.member))


def _copy(job: ReadJob, opened: Opened) -> Copied:
    """Write the values of tensors, which a listing has checked."""
    with Path(str(job.target)).open("wb") as target:
        for name in job.names:
            opened.bundle.copy(opened.keys[name], target)
    return Copied()


def _shown(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")[-200:]


if __name__ == "__main__":
    main()
