"""Several requests' inputs as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np


@dataclass(frozen=True)
class Batch:
    """Inputs, one request's rows behind another's, and where those of all but the first begin."""

    inputs: Sequence[np.ndarray]
    starts: tuple[int, ...] = ()

    @classmethod
    def of(cls, requests: Sequence[Sequence[np.ndarray]]) -> Batch:
        """The inputs of each request, which all have the same number of rows; those of one are not copied."""
        if len(requests) == 1:
            return cls(requests[0])
        sizes = [arrays[0].shape[0] for arrays in requests]
        return cls([np.concatenate(rows) for rows in zip(*requests, strict=True)], tuple(accumulate(sizes[:-1])))

    def shares(self, outputs: Sequence[np.ndarray]) -> list[Sequence[np.ndarray]]:
        """The rows of each request: the layers let no rows of a batch meet."""
        if not self.starts:
            return [outputs]
        return list(zip(*(np.split(array, self.starts) for array in outputs), strict=True))
