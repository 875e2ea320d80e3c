"""Process `python -m models.engine.pretrained`: has Keras fetch one network's ImageNet weights, writes them, exits.

It reads a job from standard input, which stays open as long as the parent lives, and writes its outcome to standard
output. Files are in Keras' own folder (`KERAS_HOME`), so files placed there by hand are found too. It is a separate
process because a download takes arbitrarily long, and so that an engine need not hold the same weights twice.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import keras
import msgspec
import orjson
from keras.src.backend.config import keras_home  # private, as is the next
from keras.src.utils import file_utils  # private: what the constructors call; covered by a test

from models.documents.document import Document
from models.engine.applications import document_of_model, keras_model
from models.engine.shaping import declared_shapes, shape_network
from models.engine.weights import weight_specs
from models.errors import InvalidDocument, LayerscopeError, WeightsUnavailable
from models.ipc.pretrained_messages import WEIGHTS, Fetched, FetchJob, NotFetched, Outcome
from models.networks.expansion import expand
from models.reading.applications import parse_application
from models.weights.canonical import write_canonical
from models.weights.specs import WeightSpec


class Files:
    """Replacement for Keras' `get_file`: a download is in Keras' folder whole or not at all; failures name the file."""

    def __init__(self, folder: Path, get_file: Callable[..., str]) -> None:
        self._folder, self._get_file = folder, get_file
        self.name: str | None = None
        """The file found or downloaded; any later failure is attributed to it."""

    def get(self, fname: str, origin: str, cache_subdir: str = "models", file_hash: str | None = None) -> str:
        """Return the path of a file, from Keras' folder or downloaded from Keras' URL.

        Raises:
            WeightsUnavailable: it is in neither.
        """
        path = Path(keras_home(), cache_subdir, fname)
        if not _is_whole(path, file_hash):
            try:
                download = self._get_file(fname, origin, cache_dir=str(self._folder), file_hash=file_hash)
            except Exception as error:
                raise _unavailable(fname, f"it cannot be downloaded from {origin}") from error
            _store(Path(download), path)
            path = Path(download)
        self.name = fname
        return str(path)


def _is_whole(path: Path, file_hash: str | None) -> bool:
    return path.is_file() and (file_hash is None or file_utils.validate_file(str(path), file_hash))


def _store(download: Path, target: Path) -> None:
    """Copy a file into Keras' folder, if that is writable."""
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(download, part)
        os.replace(part, target)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _unavailable(name: str, reason: str) -> WeightsUnavailable:
    advice = 'put it there, or write "weights": null'
    expected = f"the file models/{name} in the folder of LAYERSCOPE_KERAS_HOME (~/.keras if that is not set)"
    return WeightsUnavailable.at(
        "/weights", f"{name} is not there", expected=expected, received=reason, suggestion=advice
    )


def fetch(job: FetchJob) -> Fetched:
    """Load the network with Keras and write its weights.

    Raises:
        InvalidDocument: Keras refuses the arguments.
        WeightsUnavailable: the file is neither there nor downloadable, or is damaged.
    """
    application, folder = parse_application(orjson.loads(job.arguments)), Path(job.folder)
    files = Files(folder, file_utils.get_file)
    file_utils.get_file = files.get
    try:
        model = keras_model(application, "imagenet")
    except (InvalidDocument, OSError) as error:
        if files.name is not None:
            raise _unavailable(files.name, "a file that is damaged or for another network") from error
        raise
    document = document_of_model(model, application)
    return Fetched(_write_weights(model, document, folder / WEIGHTS))


def _write_weights(model: keras.Model, document: Document, target: Path) -> str:
    """Write the weights; returns the digest."""
    network = expand(document)
    specs = weight_specs(shape_network(network, declared_shapes(network)))
    check_same(specs, model)
    return write_canonical(specs, (variable.value.numpy() for variable in model.weights), target)


def check_same(specs: Sequence[WeightSpec], model: keras.Model) -> None:
    """Check that the specs and Keras list the same weights in the same order: layer by layer, shape by shape.

    Raises:
        RuntimeError: they do not.
    """
    owners = {id(variable): layer.name for layer in model.layers for variable in layer.weights}
    for spec, variable in zip(specs, model.weights, strict=True):
        if spec.shape != tuple(variable.shape) or not spec.name.startswith(owners[id(variable)] + "/"):
            raise RuntimeError(f"Keras has {variable.path} where the document has {spec.name}")


def _end_with_parent() -> None:
    """Exit when standard input closes: it does when the parent ends, however it ends."""
    while os.read(0, 1024):
        pass
    os._exit(1)


def main() -> None:
    """Run one job and write one outcome. Keras prints to standard output, which is redirected away from it."""
    output = os.dup(1)
    os.dup2(2, 1)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=FetchJob)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        outcome: Outcome = fetch(job)
    except LayerscopeError as error:
        outcome = NotFetched(error.code, error.detail, error.problems)
    with os.fdopen(output, "wb") as stream:
        stream.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
