"""Packing of a SavedModel folder: what is read of it, in a ZIP archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from models.weights.saved_model.members import GRAPH, is_read


def is_saved_model(folder: Path) -> bool:
    """Whether a folder is a SavedModel."""
    return (folder / GRAPH).is_file()


@contextmanager
def packed(path: Path) -> Iterator[Path]:
    """Yield a file as it is; of a SavedModel folder an archive, which is deleted at the end of the block."""
    if path.is_file():
        yield path
        return
    with TemporaryDirectory() as folder:
        target = Path(folder) / "saved_model.zip"
        pack(path, target)
        yield target


def pack(folder: Path, target: Path) -> None:
    """Write what is read of a SavedModel folder to a ZIP archive, stored as it is."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if is_read(name) and path.is_file():
                archive.write(path, name)
