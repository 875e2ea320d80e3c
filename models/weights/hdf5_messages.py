"""What is said to and by the throw-away process that reads HDF5. Imports nothing heavy: both sides load it."""

from __future__ import annotations

import msgspec


class Job(msgspec.Struct, frozen=True):
    """Lists what `file` holds or, given a `target`, writes the values of `names` there, one after the other.

    `memory` bounds what the process may allocate, in bytes; `seconds` its computing time.
    """

    file: str
    memory: int
    seconds: int
    target: str | None = None
    names: tuple[str, ...] = ()


class Listing(msgspec.Struct, frozen=True, tag="listing"):
    """The dtype and shape of every dataset by path, the optimizer's left out, and the names that Keras gives to the
    layers of groups, by the path of the group.
    """

    tensors: dict[str, tuple[str, tuple[int, ...]]]
    names: dict[str, str] = {}


class Copied(msgspec.Struct, frozen=True, tag="copied"):
    """The values are in the target: little-endian, C order."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The file has something that a file of weights has no need of, or is damaged; `too_large` for its numbers."""

    message: str
    received: str
    too_large: bool = False


Answer = Listing | Copied | Refused
