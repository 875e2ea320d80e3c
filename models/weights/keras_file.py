"""Keras' .keras files: a ZIP archive of a config and an HDF5 weights file. The config is passed on unparsed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import orjson

from models.errors import TooLarge, Unparsable
from models.files.archive import Archive, Kind
from models.files.keras_versions import VERSION
from models.weights.source import MAX_EXPANSION, MEBIBYTE, FileLimits, expands_too_much

CONFIG, METADATA = "config.json", "metadata.json"
MAX_METADATA = 64 * 1024
WEIGHTS = "model.weights.h5"
KERAS = Kind(".keras", "", "a .keras file as Keras' model.save writes it")
MAX_CONFIG = 16 * MEBIBYTE


def keras_version(path: Path, limits: FileLimits, pointer: str = "") -> str | None:
    """Return the version of Keras that wrote a file; None where it does not say.

    Raises:
        Unparsable, TooLarge: it is not a .keras file, or over the limits.
    """
    with path.open("rb") as file:
        archive = open_keras(file, limits, pointer)
        text = archive.read(METADATA, MAX_METADATA) if METADATA in archive.members else b""
    with suppress(orjson.JSONDecodeError):
        metadata = orjson.loads(text)
        version = metadata.get(VERSION) if isinstance(metadata, dict) else None
        return version if isinstance(version, str) else None
    return None


def keras_config(path: Path, limits: FileLimits, pointer: str = "") -> bytes:
    """Return the JSON of the model's config, unparsed, as `model.to_json()` gives it.

    Raises:
        Unparsable: it is not a .keras file.
        TooLarge: over the limits or MAX_CONFIG.
    """
    with path.open("rb") as file:
        archive = open_keras(file, limits, pointer)
        size = _size(archive, CONFIG, pointer)
        if size > MAX_CONFIG:
            raise _too_large(pointer, CONFIG, f"at most {MAX_CONFIG} bytes", size)
        return archive.read(CONFIG)


def extract_weights(path: Path, scratch: Path, limits: FileLimits, pointer: str = "") -> Path:
    """Extract the HDF5 file into the folder `scratch`.

    Raises:
        Unparsable: it is not a .keras file, or it has no weights in HDF5.
        TooLarge: over the limits, or compressed more than numbers can be.
    """
    with path.open("rb") as file:
        archive = open_keras(file, limits, pointer)
        size = _size(archive, WEIGHTS, pointer)
        if expands_too_much(size, archive.stored_bytes(WEIGHTS)):
            raise _too_large(pointer, WEIGHTS, f"at most {MAX_EXPANSION} times its compressed bytes", size)
        target = scratch / WEIGHTS
        with target.open("wb") as extracted:
            archive.copy(WEIGHTS, extracted)
    return target


def open_keras(file: BinaryIO, limits: FileLimits, pointer: str) -> Archive:
    """Return the checked archive, nothing decompressed yet."""
    return Archive(file, KERAS, limits.max_bytes, pointer)


def _size(archive: Archive, name: str, pointer: str) -> int:
    if name not in archive.members:
        names = ", ".join(list(archive.members)[:5]) or "an empty archive"
        raise Unparsable.at(pointer, f"the .keras file has no {name}", expected=KERAS.expected, received=names[:200])
    return archive.members[name]


def _too_large(pointer: str, name: str, expected: str, size: int) -> TooLarge:
    message = f"{name} in the .keras file is too large"
    return TooLarge.at(pointer, message, expected=expected, received=f"{size} bytes")
