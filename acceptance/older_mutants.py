"""Mutants of Keras 2's JSON, files and SavedModels, sent to a service: `older_mutants COUNT [SEED]`, a third of each.

Prints the statuses, the slowest request and the memory of the front; exit code 1 on a 500 or a lost engine.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from acceptance.live_service import resident_mib, running
from acceptance.mutants import changed, mutant
from tests.api.older_models import GRAPHS, LAYERS, of_layer

SOURCES = ("Bidirectional", "BatchNormalization", "Conv2D", "GRU", "RNN of cells", "TimeDistributed model")
KINDS = ("file", "SavedModel", "JSON")
SAVED_MODELS = 3
"""How many of the models are saved so: TensorFlow takes seconds for each."""


def files_of(models: list[Any], folder: Path) -> list[bytes]:
    """Save every model as HDF5 and, where tf_keras can, as .keras."""
    files = []
    for model in models:
        for name in ("model.h5", "model.keras"):
            try:
                model.save(folder / name)
            except (TypeError, ValueError, NotImplementedError):  # tf_keras cannot write `...` in .keras
                continue
            files.append((folder / name).read_bytes())
    return files


def folders_of(models: list[Any], folder: Path) -> list[dict[str, bytes]]:
    """Save every model as a SavedModel; return the files of each."""
    found = []
    for number, model in enumerate(models):
        path = folder / str(number)
        model.save(path, save_format="tf")
        files = [file for file in path.rglob("*") if file.is_file()]
        found.append({file.relative_to(path).as_posix(): file.read_bytes() for file in files})
    return found


def archive_of(folders: list[dict[str, bytes]], random: Random) -> bytes:
    """Return an archive of a SavedModel, in either format: with one file changed, of another model, missing, or in the
    place of another; or the archive itself changed.
    """
    files = dict(random.choice(folders))
    names = sorted(files)
    name, other = random.choice(names), random.choice(names)
    match random.randrange(8):
        case 0:
            files[name] = random.choice(folders)[name]
        case 1:
            del files[name]
        case 2:
            files[name], files[other] = files[other], files[name]
        case 3:
            return changed(packed(files, random), random)
        case _:
            files[name] = changed(files[name], random)
    return packed(files, random)


def packed(files: dict[str, bytes], random: Random) -> bytes:
    """Return an archive of files: a zip, a tar or a tar.gz."""
    made = io.BytesIO()
    mode: Any = random.choice(("zip", "w", "w:gz"))
    if mode == "zip":
        with zipfile.ZipFile(made, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return made.getvalue()
    with tarfile.open(fileobj=made, mode=mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"model/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def main(count: int, seed: int) -> None:
    """Send the mutants."""
    warnings.simplefilter("ignore")
    random, found, slowest = Random(seed), Counter[tuple[str, int]](), 0.0
    models = [graph() for graph in GRAPHS] + [of_layer(*LAYERS[name], "float32") for name in SOURCES]
    texts = [json.loads(model.to_json()) for model in models]
    with TemporaryDirectory() as folder, running(Path(folder) / "store") as service:
        files, folders = files_of(models, Path(folder)), folders_of(models[:SAVED_MODELS], Path(folder))
        engine, before = service.engine_pid(), resident_mib(service.process.pid)
        for number in range(count):
            started = perf_counter()
            kind = KINDS[number % len(KINDS)]
            if kind == "JSON":
                reply = service.client.post("/v1/plan", json={"model": mutant(random.choice(texts), random)})
            else:
                is_file = kind == "file"
                data = changed(random.choice(files), random) if is_file else archive_of(folders, random)
                reply = service.client.put("/v1/models/m", content=data)
            slowest = max(slowest, perf_counter() - started)
            found[kind, reply.status_code] += 1
            if reply.status_code >= 500:
                print(number, reply.text[:300], flush=True)
        after, survived = resident_mib(service.process.pid), service.engine_pid() == engine
    for (kind, status), times in sorted(found.items()):
        print(f"{kind} {status}: {times}")
    print(f"slowest {slowest:.1f} s, front {before} -> {after} MiB, engine {'as before' if survived else 'LOST'}")
    sys.exit(not survived or any(status >= 500 for _, status in found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
