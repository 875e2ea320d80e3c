"""Batching of the inputs of several requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np


@dataclass(frozen=True)
class Batch:
    """Concatenated inputs of several requests, and the row at which each request but the first starts."""

    inputs: Sequence[np.ndarray]
    starts: tuple[int, ...] = ()

    @classmethod
    def of(cls, requests: Sequence[Sequence[np.ndarray]]) -> Batch:
        """Concatenate the inputs of each request, which all have as many rows each; a single request is not copied."""
        if len(requests) == 1:
            return cls(requests[0])
        sizes = [arrays[0].shape[0] for arrays in requests]
        return cls([np.concatenate(rows) for rows in zip(*requests, strict=True)], tuple(accumulate(sizes[:-1])))

    def split(self, outputs: Sequence[np.ndarray]) -> list[Sequence[np.ndarray]]:
        """Split the outputs by request: the layers mix no rows of a batch."""
        if not self.starts:
            return [outputs]
        return list(zip(*(np.split(array, self.starts) for array in outputs), strict=True))
