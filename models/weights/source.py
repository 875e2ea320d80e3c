"""Common interface of all weights formats: names with dtypes and shapes, and the values on demand."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from models.errors import Unparsable
from models.tensors.dtypes import Array
from models.weights.reader_messages import OlderFile

MEBIBYTE = 1024 * 1024
MAX_EXPANSION = 100
"""Most bytes that one stored byte may expand to: Keras stores without compressing, and numbers compress little."""
EXPANSION_FLOOR = 16 * MEBIBYTE
"""Bytes that a tensor or file may expand to, however few are stored."""


@dataclass(frozen=True)
class FileLimits:
    """Bounds on reading one file: its tensors' bytes once decompressed, and seconds in the HDF5 process."""

    max_bytes: int
    seconds: float = 60.0


class Declared(NamedTuple):
    """The dtype and shape of a tensor, as a file declares them."""

    dtype: str
    shape: tuple[int, ...]


class TensorSource(Protocol):
    """An opened file. `names_are_paths` is true if its names are paths of Keras' HDF5 files rather than of variables;
    `names` are such a file's layer names of its groups, by the path of the group, and `saved` are the layers and their
    weights where it is in Keras' older format.
    """

    @property
    def tensors(self) -> Mapping[str, Declared]:
        """The tensors of the file, by name, in its order; no value has been read."""

    @property
    def names_are_paths(self) -> bool: ...

    @property
    def names(self) -> Mapping[str, str]: ...

    @property
    def saved(self) -> OlderFile | None: ...

    def read(self, names: Sequence[str]) -> Iterator[Array]:
        """Yield the tensors of these names: little-endian, C order, as declared."""


def expands_too_much(size: int, stored: int) -> bool:
    """Whether data of `size` bytes is compressed to fewer than numbers can be."""
    return size > max(EXPANSION_FLOOR, MAX_EXPANSION * stored)


def map_file(path: Path, pointer: str) -> mmap.mmap:
    """Map a file as bytes that are read on access.

    Raises:
        Unparsable: it is empty.
    """
    if not path.stat().st_size:
        raise Unparsable.at(pointer, "the file is empty", expected="a file of weights", received="no bytes")
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
