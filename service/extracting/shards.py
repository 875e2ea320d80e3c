"""Shards: which inputs each has. Shard k has the inputs from k · size on, in the order of the data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.extracting.sources import Source

MAX_ROWS = 1024
SHARD_BYTES = 64 << 20
"""Most bytes of the inputs, or of the arrays, of a shard whose size is not given."""


@dataclass(frozen=True)
class Part:
    """Consecutive inputs of one source."""

    source: Source
    start: int
    stop: int


@dataclass(frozen=True)
class Shard:
    """Consecutive inputs of the data set: its number, the number of its first input, and where they are."""

    number: int
    first: int
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """The number of its inputs."""
        return sum(part.stop - part.start for part in self.parts)


def shards_of(sources: Sequence[Source], size: int) -> list[Shard]:
    """Split the inputs of sources into shards of `size`; the last may be smaller."""
    shards: list[Shard] = []
    parts: list[Part] = []
    room = size
    for source in sources:
        start = 0
        while start < source.rows:
            stop = min(source.rows, start + room)
            parts.append(Part(source, start, stop))
            room -= stop - start
            start = stop
            if room == 0:
                shards.append(Shard(len(shards), len(shards) * size, tuple(parts)))
                parts, room = [], size
    return [*shards, Shard(len(shards), len(shards) * size, tuple(parts))] if parts else shards


def rows_of_shards(batch: int, input_bytes: int, output_bytes: int) -> int:
    """Return the size of shards: a multiple of the batch, within SHARD_BYTES and MAX_ROWS where a batch is; the bytes
    are those of one input, and of its arrays.
    """
    rows = min(MAX_ROWS, SHARD_BYTES // max(input_bytes, output_bytes, 1))
    return max(1, rows // batch) * batch
