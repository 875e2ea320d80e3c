"""The data set as a source of Ray Data: one task and one block for each shard, so that a shard is done as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata

from service.extracting.blocks import Row, block_of
from service.extracting.decoding import Decoder
from service.extracting.reading import Reader, digest_of_content
from service.extracting.shards import Shard


@dataclass(frozen=True)
class ShardReading:
    """What a task does: reads the inputs of a shard and decodes them."""

    reader: Reader
    decoder: Decoder

    def block(self, shard: Shard) -> Iterator[Any]:
        """Yield the only block of a shard."""
        rows, whole = list[Row](), sha256()
        for read in self.reader.read(shard):
            whole.update(b"" if isinstance(read.content, Exception) else digest_of_content(read.content))
            rows.append(Row(read.index, read.name, self.decoder.decode(read)))
        yield block_of(shard.number, rows, self.reader.names, whole.hexdigest())


class ShardSource(Datasource):  # type: ignore[misc]  # Ray's class has no types
    """The shards that are not done."""

    def __init__(self, shards: Sequence[Shard], reading: ShardReading, row_bytes: int) -> None:
        super().__init__()
        self._shards, self._reading, self._row_bytes = shards, reading, row_bytes

    def estimate_inmemory_data_size(self) -> int:
        """Return the bytes of all blocks."""
        return self._row_bytes * sum(shard.rows for shard in self._shards)

    def get_read_tasks(self, *_: Any, **__: Any) -> list[ReadTask]:
        """Return a task for each shard, whatever the parallelism that Ray asks for."""
        return [self._task(shard) for shard in self._shards]

    def _task(self, shard: Shard) -> ReadTask:
        metadata = BlockMetadata(shard.rows, shard.rows * self._row_bytes, None, None)
        return ReadTask(partial(self._reading.block, shard), metadata)
