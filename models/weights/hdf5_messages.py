"""Messages to and from the short-lived process that reads HDF5. Imports nothing heavy: both sides load it."""

from __future__ import annotations

import msgspec


class Hdf5Job(msgspec.Struct, frozen=True):
    """Lists the contents of `file` or, given a `target`, writes the values of `names` there, one after the other.

    `memory` bounds what the process may allocate, in bytes; `seconds` its CPU time.
    """

    file: str
    memory: int
    seconds: int
    target: str | None = None
    names: tuple[str, ...] = ()


class Listing(msgspec.Struct, frozen=True, tag="listing"):
    """The dtype and shape of every dataset by path, without the optimizer's, and the layer names that Keras gives to
    groups, by the path of the group.
    """

    tensors: dict[str, tuple[str, tuple[int, ...]]]
    names: dict[str, str] = {}


class Copied(msgspec.Struct, frozen=True, tag="copied"):
    """The values are in the target: little-endian, C order."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The file is damaged or has something that a weights file does not need; `too_large` if it exceeds a limit."""

    message: str
    received: str
    too_large: bool = False


Reply = Listing | Copied | Refused
