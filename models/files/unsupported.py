"""Problems of files and text in an unexpected format: the detected format, and advice."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import BinaryIO

from models.errors import Problem, shown
from models.files.archive import member_names
from models.files.mistaken_text import text_advice
from models.files.signatures import (
    PYTORCH,
    START_BYTES,
    TEXT,
    ZIP,
    FileKind,
    Role,
    kind_of,
)

KERAS = FileKind("a .keras file", Role.WEIGHTS)
NPZ = FileKind("a .npz file", Role.TENSORS)
SAVED_MODEL = FileKind("a SavedModel in a ZIP archive", Role.WEIGHTS)
MEMBERS: tuple[tuple[str, FileKind], ...] = (
    ("model.weights.h5", KERAS),
    ("saved_model.pb", SAVED_MODEL),
    ("data.pkl", PYTORCH),
    ("constants.pkl", PYTORCH),
    (".npy", NPZ),
    ("MAR-INF/MANIFEST.json", FileKind("a TorchServe archive", Role.OTHER)),
    ("MLmodel", FileKind("an MLflow model in a ZIP archive", Role.OTHER)),
    ("[Content_Types].xml", FileKind("an Office document", Role.OTHER)),
    ("metadata.json", KERAS),
    (".index", FileKind("a TensorFlow checkpoint in a ZIP archive", Role.OTHER)),
)
"""Suffixes of member names that identify a format based on ZIP, in the order of matching."""
Advice = Mapping[FileKind | Role, str]
"""The advice for files that are not supported here, by format or use; the format's own advice is the fallback."""


def kind_of_file(file: BinaryIO) -> FileKind | None:
    """Return the format of a file by its first bytes and, for an archive, its members; None when it is unknown."""
    file.seek(0)
    kind = kind_of(file.read(START_BYTES))
    return _kind_of_archive(member_names(file)) if kind is ZIP else kind


def kind_of_data(data: bytes) -> FileKind | None:
    """Return the format of a file's bytes; None when it is unknown."""
    return kind_of_file(BytesIO(data))


def _kind_of_archive(names: list[str]) -> FileKind:
    for ending, kind in MEMBERS:
        if any(name.endswith(ending) for name in names):
            return kind
    few = ", ".join(name for name in names[:3] if len(name) <= 40 and name.isprintable())
    return ZIP._replace(name=f"{ZIP.name} of {few}" if few else ZIP.name)


def unsupported_data(data: bytes, here: str, pointer: str = "", advice: Advice | None = None) -> Problem:
    """Return the problem of bytes in an unsupported format; `here` describes the supported ones."""
    return unsupported_kind(kind_of_data(data), data[:START_BYTES], len(data), here, pointer, advice)


def unsupported_kind(  # noqa: PLR0913, PLR0917 (the facts of one file, and its pointer)
    kind: FileKind | None, start: bytes, size: int, here: str, pointer: str = "", advice: Advice | None = None
) -> Problem:
    """Build the problem of a file whose format and first bytes are known, as `unsupported_data` does."""
    if not size:
        return Problem(pointer, "the file is empty", here, "no bytes")
    message, received = "this is not a file that is read here", f"{size:,} bytes that begin with {start[:8].hex(' ')}"
    if kind is not None and kind is not TEXT:
        message, received = f"this is {kind.name}, which is not read here", f"{size:,} bytes"
    if kind is TEXT and size <= START_BYTES:
        received = shown(start.decode("utf-8", "replace"))
    return Problem(pointer, message, here, received, text_advice(start[:size]) or advice_on(kind, advice or {}))


def advice_on(kind: FileKind | None, advice: Advice) -> str | None:
    """Return the advice for a file of this format."""
    if kind is None:
        return None
    return advice.get(kind) or advice.get(kind.role) or kind.advice
