"""Models of a folder or bucket that are served as they are: found by the names of their files, and never changed.

NAME.keras, NAME.h5                                       a whole model
NAME.json                                                 a document, or Keras' JSON, with the weights of its seed
NAME.json, NAME.weights.h5 | NAME.npz | NAME.safetensors  the same with weights
NAME/…                                                    a folder with one of these, whatever that is called
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from models.limits import NAME
from models.store.errors import remote_errors

DOCUMENT, WHOLE = ".json", (".keras", ".h5")
WEIGHTS = (".weights.h5", ".npz", ".safetensors")
"""Suffixes; that of weights in HDF5 ends like a whole model."""


@dataclass(frozen=True)
class FoundModel:
    """The paths of a model's document, and of the file of its weights or of all of it; or what is wrong with them."""

    name: str
    document: str | None = None
    weights: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class ModelFolder:
    """A folder of models that was listed."""

    file_system: Any
    found: tuple[FoundModel, ...] = ()

    @contextmanager
    def local(self, path: str, scratch: str) -> Iterator[Path]:
        """Yield a file on this machine, with a folder that may be written to: a link or a copy.

        Raises:
            OSError, StoreUnreachable: it cannot be read.
        """
        with TemporaryDirectory(dir=scratch) as folder:
            target = Path(folder) / "file"
            if isinstance(self.file_system, LocalFileSystem):
                target.symlink_to(path)
            else:
                with remote_errors():
                    self.file_system.get_file(path, str(target))
            yield target


@dataclass
class _Files:
    """Files of one name, by what they are."""

    documents: list[str] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)


def find_models(url: str) -> ModelFolder:
    """List the models of a folder, or of an fsspec URL.

    Raises:
        Exception: of the file system, if it cannot be listed.
    """
    system, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    found: list[FoundModel] = []
    entries = [(str(info["name"]).rpartition("/")[2], info) for info in system.ls(root, detail=True)]
    visible = sorted(((name, info) for name, info in entries if name and name[0] != "."), key=lambda entry: entry[0])
    found += _models(info["name"] for _, info in visible if not _is_folder(system, info))
    for name, info in visible:
        if _is_folder(system, info):
            inner = _models(system.ls(info["name"], detail=False))
            found += [_renamed(inner, name)] if inner else []
    return ModelFolder(system, tuple(_unique(found)))


def _is_folder(system: Any, info: Any) -> bool:
    """Whether this is a folder, also behind a link: Kubernetes mounts files as links."""
    return info["type"] == "directory" or (bool(info.get("islink")) and bool(system.isdir(info["name"])))


def _models(paths: Iterable[str]) -> list[FoundModel]:
    """Return the models of the files of one folder."""
    names: dict[str, _Files] = {}
    for path in sorted(map(str, paths)):
        file = path.rpartition("/")[2]
        for suffix in (*WEIGHTS, DOCUMENT, *WHOLE):
            if file.endswith(suffix) and not file.startswith("."):
                files = names.setdefault(file.removesuffix(suffix), _Files())
                kind = files.weights if suffix in WEIGHTS else files.documents if suffix == DOCUMENT else files.whole
                kind.append(path)
                break
    return [model for name, files in names.items() if (model := _model(name, files)) is not None]


def _model(name: str, files: _Files) -> FoundModel | None:
    """Return the model of the files of one name; None for tensors that go with nothing."""
    models = [*files.documents, *files.whole]
    if not models and not any(path.endswith(WEIGHTS[0]) for path in files.weights):
        return None
    if not models:
        return FoundModel(name, problem=f"there are weights, and no {name}.json beside them")
    if len(models) > 1 or (files.documents and len(files.weights) > 1):
        several = ", ".join(path.rpartition("/")[2] for path in [*models, *files.weights])
        return FoundModel(name, problem=f"several files have its name: {several}")
    if files.documents:
        return FoundModel(name, files.documents[0], next(iter(files.weights), None))
    return FoundModel(name, None, files.whole[0])


def _renamed(inner: list[FoundModel], name: str) -> FoundModel:
    """Return the only model of a folder under the folder's name."""
    if len(inner) > 1:
        return FoundModel(name, problem=f"its folder has several models: {', '.join(model.name for model in inner)}")
    return FoundModel(name, inner[0].document, inner[0].weights, inner[0].problem)


def _unique(found: Iterable[FoundModel]) -> Iterator[FoundModel]:
    """Yield one model for each name, sorted; names that cannot be written in a path have a problem."""
    names: dict[str, list[FoundModel]] = {}
    for model in found:
        names.setdefault(model.name, []).append(model)
    for name, models in sorted(names.items()):
        if len(models) > 1:
            yield FoundModel(name, problem="a file and a folder have its name")
        elif not NAME.fullmatch(name):
            yield FoundModel(name, problem="a name has 1 to 64 letters, digits, dots, underscores and hyphens")
        else:
            yield models[0]
