"""Weights files that nodes ask the front for: sent in parts through the object store, once to each node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.lru_cache import LruCache
from models.weights.specs import WeightsFile

PART_BYTES = 16 << 20
MAX_KNOWN = 256
"""Paths that are remembered; those of requests that run are the latest."""


class SentWeights:
    """The paths of weights files on the front's machine, by digest, which requests in progress keep in place.
    `call` calls a method of the actor.
    """

    def __init__(self, call: Callable[..., Awaitable[Any]]) -> None:
        self._call = call
        self._paths: LruCache[str, str] = LruCache(MAX_KNOWN)

    def record(self, files: Mapping[str, WeightsFile]) -> None:
        """Record the files of a request that is sent."""
        for digest, file in files.items():
            self._paths.remove(digest)
            self._paths.add(digest, file.path)

    async def provide(self, digest: str) -> None:
        """Send a file, one part after the other.

        Raises:
            ConnectionError: it cannot be read.
        """
        parts, is_last = _parts(Path(self._paths.get(digest) or "")), False
        try:
            while not is_last:
                part, is_last = await asyncio.to_thread(next, parts)
                await self._call("add_weights", digest, part, is_last)
        except OSError as error:
            raise ConnectionError(f"weights: {error}") from error


def _parts(path: Path) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield the parts of a file, each with whether it is the last."""
    with path.open("rb") as file:
        data = file.read(PART_BYTES)
        while data:
            following = file.read(PART_BYTES)
            yield np.frombuffer(data, np.uint8), not following
            data = following
