"""HDF5 weights files of Keras."""

from __future__ import annotations

from models.weights.separate_source import Reader, SeparateSource
from models.weights.source import MEBIBYTE

HDF5_READER = Reader(
    "models.weights.hdf5_process", "HDF5", "an HDF5 file as Keras' model.save_weights or model.save writes it",
    256 * MEBIBYTE,
)  # fmt: skip


class Hdf5Source(SeparateSource):
    """An HDF5 file of Keras."""

    reader = HDF5_READER
