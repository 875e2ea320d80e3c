"""The tables beside the shards: inputs that failed, the top inputs of units, and the summary of channels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from service.extracting.folder import Folder
from service.extracting.job import Column, Job
from service.extracting.moments import Moments
from service.extracting.partial_results import Partial
from service.extracting.running_histogram import RunningHistogram
from service.extracting.shards import Shard
from service.extracting.top_inputs import TopInputs

ERRORS, TOP, SUMMARY = (f"_extract/{name}.parquet" for name in ("errors", "top", "summary"))


def write_tables(job: Job, shards: Sequence[Shard], merged: Partial, failed: Sequence[Sequence[Any]]) -> None:
    """Write the tables that were asked for, and that of the inputs that failed."""
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    schema = pa.schema([("index", pa.int64()), ("file", pa.string()), ("code", pa.string()), ("message", pa.string())])
    columns = [list(column) for column in zip(*failed, strict=True)] or [[], [], [], []]
    _write(
        job.out, ERRORS, pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
    )
    if job.top:
        parts = [_top(job.columns[at], top, shards, job.rows) for at, top in merged.top.items()]
        _write(job.out, TOP, pa.concat_tables(parts) if parts else pa.table({}))
    if job.summary:
        rows = [_summary(job.columns[at], merged.moments[at], merged.histograms[at]) for at in merged.moments]
        _write(job.out, SUMMARY, pa.concat_tables(rows) if rows else pa.table({}))


def _top(column: Column, top: TopInputs, shards: Sequence[Shard], size: int) -> Any:
    """Return the rows of one tensor: unit after unit, the largest first."""
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    ranks, units = top.values.shape
    indices = top.indices.T.reshape(-1)
    return pa.table({
        "layer": pa.array([column.name] * (ranks * units), pa.string()),
        "unit": pa.array(np.repeat(np.arange(units), ranks)),
        "rank": pa.array(np.tile(np.arange(ranks), units)),
        "index": pa.array(indices),
        "value": pa.array(top.values.T.reshape(-1)),
        "file": pa.array([name_of(shards, size, int(index)) for index in indices], pa.string()),
    })  # fmt: skip


def name_of(shards: Sequence[Shard], size: int, index: int) -> str:
    """Return the name of an input by its number."""
    shard = shards[index // size]
    place = index - shard.first
    for part in shard.parts:
        if place < part.stop - part.start:
            return part.source.name_of(part.start + place)
        place -= part.stop - part.start
    raise IndexError(index)


def _summary(column: Column, moments: Moments, histogram: RunningHistogram) -> Any:
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    exponents = np.where((moments.minimum == 0) & (moments.maximum == 0), 0, histogram.exponents)
    widths = np.ldexp(1.0, exponents)
    return pa.table({
        "layer": pa.array([column.name] * len(widths), pa.string()),
        "channel": pa.array(np.arange(len(widths))),
        "count": pa.array(moments.count), "nan": pa.array(moments.nan), "infinite": pa.array(moments.infinite),
        "mean": pa.array(np.where(moments.count == 0, np.nan, moments.mean)),
        "variance": pa.array(moments.variance),
        "minimum": pa.array(moments.minimum), "maximum": pa.array(moments.maximum),
        "histogram_low": pa.array(histogram.starts * widths), "histogram_width": pa.array(widths),
        "histogram": pa.array(list(histogram.counts), pa.list_(pa.int64())),
    })  # fmt: skip


def _write(folder: Folder, name: str, table: Any) -> None:
    from pyarrow import parquet  # noqa: PLC0415 (an extra)

    file = io.BytesIO()
    parquet.write_table(table, file)
    folder.write(name, file.getvalue())
