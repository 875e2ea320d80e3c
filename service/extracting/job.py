"""What is to be done with every shard, as it is sent to the workers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.tensors.dtypes import DTYPES
from service.engines.launch import PROGRAM
from service.engines.request_builders import ModelSource, RunSpec
from service.extracting.folder import Folder
from service.settings import Settings

WIDENED = {"bfloat16": "float32"}
"""Dtypes that no file format has, and those with the same values that are written instead."""


@dataclass(frozen=True)
class Column:
    """A tensor that is written for each input: its name in replies, its layer, and the shape and dtype of a row."""

    name: str
    address: str
    shape: tuple[int, ...]
    dtype: str
    has_batch: bool = True
    """Whether its first axis in replies is the batch; else a run of one input has it without."""
    is_tensor: bool = True
    """Whether it is the layer's tensor or a part of it: it has units, and no indices or counts."""

    @property
    def written(self) -> np.dtype[np.generic]:
        """The dtype that is written."""
        return DTYPES[WIDENED.get(self.dtype, self.dtype)]

    @property
    def row_bytes(self) -> int:
        """Bytes of one row as it is written."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.written.itemsize

    @property
    def units(self) -> int:
        """The length of its last axis."""
        return self.shape[-1] if self.shape else 1


@dataclass(frozen=True)
class Job:
    """The run of a batch, and what is kept of it."""

    model: ModelSource
    names: tuple[str, ...]
    """Those of the network's inputs."""
    run: RunSpec
    columns: tuple[Column, ...]
    batch: int
    count: int
    """Inputs of the data set."""
    rows: int
    """Inputs of a shard."""
    out: Folder
    format: str
    top: int = 0
    """Inputs that are kept for each unit."""
    summary: bool = False
    settings: Settings = field(default_factory=Settings)
    program: str = PROGRAM
