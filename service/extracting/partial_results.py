"""What is kept of a shard beside its arrays: its record, its top inputs and its summary, in one file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import orjson

from models.tensors.dtypes import Array
from service.extracting.folder import Folder
from service.extracting.job import Column, Job
from service.extracting.moments import Moments
from service.extracting.npz_files import npz_bytes, read_npz_bytes
from service.extracting.running_histogram import RunningHistogram
from service.extracting.top_inputs import TopInputs, responses

PARTS = "_extract/parts"
CHUNK = 1 << 21
"""Elements that are summarised at a time, in double precision."""
RECORD, TOP, MOMENTS, HISTOGRAM = "record", "top", "moments", "histogram"


@dataclass
class Partial:
    """The results of a shard, or of several that are merged; by the number of the column."""

    record: dict[str, Any]
    top: dict[int, TopInputs] = field(default_factory=dict)
    moments: dict[int, Moments] = field(default_factory=dict)
    histograms: dict[int, RunningHistogram] = field(default_factory=dict)

    def add(self, later: Partial) -> None:
        """Add the results of a later shard."""
        for at, top in later.top.items():
            self.top[at] = self.top[at].merge(top) if at in self.top else top
        for at, moments in later.moments.items():
            self.moments[at] = self.moments[at].merge(moments) if at in self.moments else moments
        for at, histogram in later.histograms.items():
            self.histograms[at] = self.histograms[at].merge(histogram) if at in self.histograms else histogram

    def write(self, folder: Folder, number: int) -> None:
        """Write the file of a shard, which says that the shard is done."""
        arrays: dict[str, Array] = {RECORD: np.frombuffer(orjson.dumps(self.record), np.uint8)}
        for kind, parts in ((TOP, self.top), (MOMENTS, self.moments), (HISTOGRAM, self.histograms)):
            for at, part in parts.items():
                values = {one.name: getattr(part, one.name) for one in fields(part)}
                arrays |= {f"{kind}/{at}/{name}": np.asarray(value) for name, value in values.items()}
        folder.write(f"{PARTS}/{number:06}.npz", npz_bytes(arrays, is_compressed=True))

    @classmethod
    def read(cls, folder: Folder, number: int) -> Partial:
        """Read the file of a shard that is done."""
        arrays = read_npz_bytes(folder.read(f"{PARTS}/{number:06}.npz") or b"")
        partial = cls(orjson.loads(arrays.pop(RECORD).tobytes()))
        grouped: dict[tuple[str, int], dict[str, Any]] = {}
        for name, array in arrays.items():
            kind, at, part = name.split("/")
            grouped.setdefault((kind, int(at)), {})[part] = array if array.ndim else array.item()
        for (kind, number_of_column), values in grouped.items():
            if kind == TOP:
                partial.top[number_of_column] = TopInputs(**values)
            elif kind == MOMENTS:
                partial.moments[number_of_column] = Moments(**values)
            else:
                partial.histograms[number_of_column] = RunningHistogram(**values)
        return partial


def done(folder: Folder) -> set[int]:
    """Return the numbers of the shards that are done."""
    return {int(name[:6]) for name in folder.names(PARTS) if name.endswith(".npz")}


def partial_of(job: Job, record: dict[str, Any], indices: Array, arrays: Mapping[str, Array]) -> Partial:
    """Return the results of a shard with these inputs."""
    partial = Partial(record)
    for at, column in enumerate(job.columns):
        if column.is_tensor and len(indices):
            rows = arrays[column.name]
            if job.top:
                partial.top[at] = TopInputs.of(job.top, responses(rows), indices)
            if job.summary:
                partial.moments[at], partial.histograms[at] = _summary(column, rows)
    return partial


def _summary(column: Column, rows: Array) -> tuple[Moments, RunningHistogram]:
    values, step = rows.reshape(-1, column.units), max(1, CHUNK // column.units)
    merged = None
    for start in range(0, len(values), step):
        wide = values[start : start + step].astype(np.float64)
        part = Moments.of(wide), RunningHistogram.of(wide)
        merged = part if merged is None else (merged[0].merge(part[0]), merged[1].merge(part[1]))
    assert merged is not None  # noqa: S101 (there are rows)
    return merged
