"""Messages to and from the short-lived processes that read HDF5 and SavedModels. Imports nothing heavy: both sides load
it.
"""

from __future__ import annotations

import msgspec


class ReadJob(msgspec.Struct, frozen=True):
    """Lists the contents of `file` or, given a `target`, writes the values of `names` there, one after the other.

    `memory` bounds what the process may allocate, in bytes; `seconds` its CPU time. An archive is unpacked into
    `folder` once, to at most `max_bytes`.
    """

    file: str
    memory: int
    seconds: int
    folder: str
    max_bytes: int
    target: str | None = None
    names: tuple[str, ...] = ()


class SavedLayer(msgspec.Struct, frozen=True):
    """A layer of a file in Keras' older format, and the paths of its weights in the order in which they were saved."""

    name: str
    paths: tuple[str, ...]


class OlderFile(msgspec.Struct, frozen=True):
    """The layers of a file in Keras' older format, in order; of a whole model also Keras' JSON and the version."""

    layers: tuple[SavedLayer, ...]
    config: str | None = None
    version: str | None = None
    backend: str | None = None
    """The library that computed: `tensorflow`, or of Keras 1 and 2 also `theano`."""
    member: str = "model_config"
    """Where the file has the JSON: an attribute of HDF5, or a file of a SavedModel."""


class Listing(msgspec.Struct, frozen=True, tag="listing"):
    """The dtype and shape of every tensor by path, without the optimizer's, and the layer names that Keras gives to
    groups, by the path of the group; and what a file in the older format says of itself.
    """

    tensors: dict[str, tuple[str, tuple[int, ...]]]
    names: dict[str, str] = {}
    saved: OlderFile | None = None


class Copied(msgspec.Struct, frozen=True, tag="copied"):
    """The values are in the target: little-endian, C order."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The file is damaged or has something that a weights file does not need; `too_large` if it exceeds a limit."""

    message: str
    received: str
    too_large: bool = False
    suggestion: str | None = None


Reply = Listing | Copied | Refused
