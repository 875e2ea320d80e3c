"""What is said of a file or text that is not what is read where it was sent: what it is, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import BinaryIO

from models.errors import Problem, shown
from models.files.archive import member_names
from models.files.printed import text_advice
from models.files.signatures import (
    PROTOBUF,
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
MEMBERS: tuple[tuple[str, FileKind], ...] = (
    ("model.weights.h5", KERAS),
    ("saved_model.pb", PROTOBUF._replace(name="a SavedModel in a ZIP archive")),
    ("data.pkl", PYTORCH),
    ("constants.pkl", PYTORCH),
    (".npy", NPZ),
    ("MAR-INF/MANIFEST.json", FileKind("a TorchServe archive", Role.OTHER)),
    ("MLmodel", FileKind("an MLflow model in a ZIP archive", Role.OTHER)),
    ("[Content_Types].xml", FileKind("an Office document", Role.OTHER)),
    ("metadata.json", KERAS),
    (".index", FileKind("a TensorFlow checkpoint in a ZIP archive", Role.OTHER)),
)
"""How a member's name ends in each format that is an archive, in the order in which they are tried."""
Advice = Mapping[FileKind | Role, str]
"""What to do with a file where it is not read, by its kind or use; else the kind's own advice."""


def told(file: BinaryIO) -> FileKind | None:
    """What a file is by its first bytes and, of an archive, its members; None where they tell nothing."""
    file.seek(0)
    kind = kind_of(file.read(START_BYTES))
    return _archive(member_names(file)) if kind is ZIP else kind


def told_of(data: bytes) -> FileKind | None:
    """The same of bytes."""
    return told(BytesIO(data))


def _archive(names: list[str]) -> FileKind:
    for ending, kind in MEMBERS:
        if any(name.endswith(ending) for name in names):
            return kind
    few = ", ".join(name for name in names[:3] if len(name) <= 40 and name.isprintable())
    return ZIP._replace(name=f"{ZIP.name} of {few}" if few else ZIP.name)


def unread(data: bytes, here: str, pointer: str = "", advice: Advice | None = None) -> Problem:
    """The problem of bytes that are none of what is read `here`."""
    return unread_kind(told_of(data), data[:START_BYTES], len(data), here, pointer, advice)


def unread_kind(  # noqa: PLR0913, PLR0917 (what is known of one file, and where it stands)
    kind: FileKind | None, start: bytes, size: int, here: str, pointer: str = "", advice: Advice | None = None
) -> Problem:
    """The same of a file of which the kind and the first bytes are known."""
    if not size:
        return Problem(pointer, "the file is empty", here, "no bytes")
    message, received = "this is not a file that is read here", f"{size:,} bytes that begin with {start[:8].hex(' ')}"
    if kind is not None and kind is not TEXT:
        message, received = f"this is {kind.name}, which is not read here", f"{size:,} bytes"
    if kind is TEXT and size <= START_BYTES:
        received = shown(start.decode("utf-8", "replace"))
    return Problem(pointer, message, here, received, text_advice(start[:size]) or advice_on(kind, advice or {}))


def advice_on(kind: FileKind | None, advice: Advice) -> str | None:
    """What to do with a file of this kind."""
    if kind is None:
        return None
    return advice.get(kind) or advice.get(kind.role) or kind.advice
