"""Keras' JSON of a model inside a file that also has its weights: .keras, whole models in HDF5, and SavedModels."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from models.files.signatures import HDF5
from models.files.unsupported import KERAS
from models.weights.hdf5 import Hdf5Source
from models.weights.keras_file import CONFIG, keras_config, keras_version
from models.weights.read import SAVED_MODELS, kind_at
from models.weights.saved_model.source import SavedModelSource
from models.weights.source import FileLimits


class SavedConfig(NamedTuple):
    """Keras' JSON of a model, unparsed; its name in the file, and the version of Keras that wrote it."""

    text: bytes
    member: str
    version: str | None
    backend: str | None = None
    """The library that computed, if the file says so."""


def read_config(path: Path, scratch: Path, limits: FileLimits, pointer: str = "") -> SavedConfig | None:
    """Return the JSON of the model in a file; None if it holds weights alone, or is of another kind.

    Raises:
        Unparsable, TooLarge: it is damaged, or over the limits.
    """
    kind = kind_at(path)
    if kind is KERAS:
        return SavedConfig(keras_config(path, limits, pointer), CONFIG, keras_version(path, limits, pointer))
    opened = Hdf5Source if kind is HDF5 else SavedModelSource if kind in SAVED_MODELS else None
    saved = None if opened is None else opened(path, scratch, limits, pointer).saved
    if saved is None or saved.config is None:
        return None
    return SavedConfig(saved.config.encode("utf-8", "replace"), saved.member, saved.version, saved.backend)
