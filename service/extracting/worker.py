"""Worker of an extraction: an actor of Ray Data with an engine, which does one shard after the other, two at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from models.errors import (
    DeadlineExceeded,
    DeviceMemory,
    EngineLost,
    Internal,
    Invalid,
    LayerscopeError,
    Quarantined,
    TooLarge,
)
from models.tensors.dtypes import Array
from service.engines.request_builders import ModelSource
from service.extracting.blocks import Row, rows_of
from service.extracting.decoding import Refusal
from service.extracting.engine import Engine, Target
from service.extracting.formats import WRITERS, ShardArrays
from service.extracting.job import Job
from service.extracting.partial_results import partial_of

OF_INPUTS = (Invalid, TooLarge, DeadlineExceeded, EngineLost, DeviceMemory, Internal)
"""What the inputs of a batch can be the reason of: then its halves are run, down to the input that is."""


class ShardWorker:
    """Runs the inputs of shards and writes their results. Calls may overlap: one writes while another runs."""

    def __init__(self, job: Job, weights: bytes | None = None) -> None:
        self._job, self._writer = job, WRITERS[job.format](job)
        self._scratch = None if weights is None else TemporaryDirectory()
        model = job.model
        if weights is not None and self._scratch is not None:
            model = _with_weights(job.model, weights, Path(self._scratch.name))
        self._engine = Engine(model, job.names, job.run, job.settings, job.program)

    def __call__(self, block: Any) -> Any:
        """Do the shard of a block; returns a row that says how many inputs it has, and why it could not be done if so:
        Ray would add its own traceback to an exception, and try again.
        """
        import pyarrow as pa  # noqa: PLC0415 (an extra)

        number, error = block.column("shard")[0].as_py(), None
        try:
            self._do(number, block)
        except Exception as raised:  # whatever a file system raises ends the run; the command says it in one line
            error = f"shard {number}: {type(raised).__name__}: {raised}"
        return pa.table({"rows": [len(block)], "error": pa.array([error], pa.string())})

    def close(self) -> None:
        """Stop the engine. A worker of Ray ends with its process, as does its engine."""
        self._engine.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    def _do(self, number: int, block: Any) -> None:
        rows = rows_of(block, self._job.names)
        good = [row for row in rows if not isinstance(row.arrays, Refusal)]
        refusals = [row.arrays for row in rows if isinstance(row.arrays, Refusal)]
        arrays = {column.name: np.empty((len(good), *column.shape), column.written) for column in self._job.columns}
        late = [refusal for batch in self._batches(good) for refusal in self._run(good[batch], batch.start, arrays)]
        failed = {refusal.index for refusal in late}
        kept = [at for at, row in enumerate(good) if row.index not in failed]
        if late:
            good, arrays = [good[at] for at in kept], {name: array[kept] for name, array in arrays.items()}
        indices = np.array([row.index for row in good], np.int64)
        shard = ShardArrays(number, rows[0].index, [row.name for row in rows], indices, arrays)
        refused = sorted(refusals + late, key=lambda refusal: refusal.index)
        self._finish(shard, refused, block.column("digest")[0].as_py())

    def _finish(self, shard: ShardArrays, refusals: Sequence[Refusal], digest: str) -> None:
        """Write a shard, and then that it is done."""
        record = {
            "shard": shard.number, "inputs": len(shard.all_names), "sha256_of_inputs": digest,
            "failed": [[one.index, one.name, one.code, one.message] for one in refusals],
            "sha256": self._writer.write(shard),
        }  # fmt: skip
        partial_of(self._job, record, shard.indices, shard.arrays).write(self._job.out, shard.number)

    def _batches(self, rows: Sequence[Row]) -> Iterator[slice]:
        """Yield the batches: consecutive inputs of one shape and dtype."""
        start = 0
        for stop in range(1, len(rows) + 1):
            is_full = stop - start == self._job.batch
            if is_full or stop == len(rows) or _kind(rows[stop]) != _kind(rows[start]):
                yield slice(start, stop)
                start = stop

    def _run(self, rows: Sequence[Row], start: int, arrays: dict[str, Array]) -> list[Refusal]:
        """Run inputs as one batch into the arrays from `start` on; returns those that are refused."""
        batch = [np.concatenate(parts) if len(parts) > 1 else parts[0]
                 for parts in zip(*(row.arrays for row in rows), strict=True)]  # fmt: skip
        parts = {column: arrays[column.name][start : start + len(rows)] for column in self._job.columns}
        target = Target(
            {column.name: part for column, part in parts.items() if column.has_batch},
            {column.name: part for column, part in parts.items() if not column.has_batch},
        )
        try:
            self._engine.run(batch, target)
        except Quarantined:
            raise
        except OF_INPUTS as error:
            if len(rows) == 1:
                return [Refusal.of(rows[0].index, rows[0].name, error)]
            half = len(rows) // 2
            return [*self._run(rows[:half], start, arrays), *self._run(rows[half:], start + half, arrays)]
        except LayerscopeError as error:
            raise RuntimeError(f"{error.code}: {error.detail}") from None
        return []


def _kind(row: Row) -> list[tuple[Any, ...]]:
    assert not isinstance(row.arrays, Refusal)  # noqa: S101 (only good rows are run)
    return [(array.shape, array.dtype) for array in row.arrays]


def _with_weights(model: ModelSource, data: bytes, folder: Path) -> ModelSource:
    """Return a model whose weights are a file on this machine."""
    assert model.weights is not None  # noqa: S101 (they were sent)
    path = folder / "weights.safetensors"
    path.write_bytes(data)
    return ModelSource(model.document, msgspec.structs.replace(model.weights, path=str(path)), model.key)
