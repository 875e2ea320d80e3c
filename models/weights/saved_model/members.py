"""The few files of a SavedModel folder that are read, and how they come out of an archive: under names of their own,
whatever the archive calls its folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from models.errors import TooLarge, Unparsable, shown
from models.files.archive import Archive, Kind
from models.files.signatures import ZIP_START
from models.weights.saved_model.tar import Tar
from models.weights.source import MAX_EXPANSION, expands_too_much

GRAPH, METADATA, INDEX = "saved_model.pb", "keras_metadata.pb", "variables/variables.index"
DATA = re.compile(r"variables/variables\.data-\d{5}-of-\d{5}")
EXPECTED = (
    "a .zip, .tar or .tar.gz of a SavedModel folder as Keras' model.save writes it, "
    "or a .keras, .h5, .weights.h5, .npz or .safetensors file"
)
ZIP = Kind("archive", "", EXPECTED, has_folders=True)


class Members(Protocol):
    """An archive whose members are checked: their names and sizes."""

    @property
    def members(self) -> Mapping[str, int]: ...

    def copy(self, name: str, target: BinaryIO) -> None:
        """Write the bytes of a member."""


def is_read(name: str) -> bool:
    """Whether a file of the folder is read: assets, fingerprints and what others put there are not."""
    return name in (GRAPH, METADATA, INDEX) or DATA.fullmatch(name) is not None


def unpack(file: Path, folder: Path, max_bytes: int) -> None:
    """Unpack what is read of a SavedModel into a new folder, without folders inside.

    Raises:
        Unparsable: it is no archive, or not of one SavedModel, at its top or one level down.
        TooLarge: over `max_bytes` once unpacked, or compressed more than numbers can be.
    """
    with _opened(file, max_bytes) as archive:
        _check_expansion(archive, file)
        root = _root(archive)
        folder.mkdir()
        for name in archive.members:
            if name.startswith(root) and is_read(name.removeprefix(root)):
                with (folder / name.rpartition("/")[2]).open("wb") as target:
                    archive.copy(name, target)
        _check_complete(folder)


@contextmanager
def _opened(file: Path, max_bytes: int) -> Iterator[Members]:
    with file.open("rb") as opened:
        is_zip = opened.read(len(ZIP_START)) == ZIP_START
        opened.seek(0)
        yield Archive(opened, ZIP, max_bytes, "") if is_zip else Tar(opened, EXPECTED, max_bytes)


def _check_expansion(archive: Members, file: Path) -> None:
    size, stored = sum(archive.members.values()), file.stat().st_size
    if expands_too_much(size, stored):
        expected, received = f"at most {MAX_EXPANSION} times its bytes", f"{size} bytes of {stored}"
        raise TooLarge.at("", "the archive is too large once unpacked", expected=expected, received=received)


def _root(archive: Members) -> str:
    """Return the folder of the SavedModel with a slash behind it, or nothing for the archive's top."""
    found = [name for name in archive.members if name.rpartition("/")[2] == GRAPH]
    if len(found) == 1 and found[0].count("/") <= 1:
        return found[0].removesuffix(GRAPH)
    message = f"the archive holds {len(found) or 'no'} {GRAPH}, and one is needed, at its top or in one folder"
    received = shown(", ".join((found or list(archive.members))[:5]) or "nothing")
    advice = None if found else "send another file as it is, unpacked"
    raise Unparsable.at("", message, expected=EXPECTED, received=received, suggestion=advice)


def _check_complete(folder: Path) -> None:
    """Check that there are variables, which a frozen graph has not."""
    index = INDEX.rpartition("/")[2]
    if not (folder / index).exists():
        raise Unparsable.at("", f"the SavedModel has no {INDEX}", expected=EXPECTED, received="no variables")
