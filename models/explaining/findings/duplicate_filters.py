"""Filters that are copies of each other."""

from __future__ import annotations

from collections import defaultdict
from hashlib import blake2b
from math import log
from typing import Any, ClassVar

import numpy as np

from models.explaining.diagnosing.filters import Filters, filters_of
from models.explaining.diagnosing.finding import LISTED, Finding, Outcome, Threshold
from models.explaining.diagnosing.layer_run import LayerRun
from models.tensors.dtypes import Array

CHANCE = 0.01
"""Expected number of equal pairs under which equality is no chance: small filters of a few different values, such as
binary ones, meet by chance."""
BLOCK = 256
"""Filters that are copied at once."""
SAMPLED = 1 << 16
"""Weights among which different values are counted."""


class DuplicateFilters(Finding):
    """Filters of one layer with the same bits and the same bias: they return the same for the same gradients, and so
    never part.
    """

    severity = "medium"
    threshold: ClassVar[Threshold] = {"difference": 0.0, "expected_by_chance": CHANCE}
    of_weights = True

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at the kernels of dense layers and convolutions; filters of a depthwise one read different channels."""
        kernel = filters_of(run)
        if kernel is None or kernel.columns.shape[1] < 2:
            return None
        copies = _copies(kernel, run.weight("bias"))
        count, total = sum(len(group) - 1 for group in copies), kernel.columns.shape[1]
        evidence = _evidence(kernel, copies)
        is_all = count == total - 1
        if not copies or not (is_all or _is_no_chance(kernel.columns)):
            return self.clear(run, "No filter is a copy of another.", evidence)
        text = (
            f"{count} of {total} filters are copies of others, bias included. Give the layer an initializer that draws "
            "at random: filters that start equal stay equal. Without training, remove the copies."
        )
        return self.found(run, text, evidence, "high" if is_all else None)


def _evidence(kernel: Filters, copies: list[list[int]]) -> dict[str, Any]:
    """Return how many are copies of an earlier one, and the first groups that are equal."""
    listed, groups = 0, []
    for group in copies:
        if listed < LISTED:
            groups.append(group[: LISTED - listed])
            listed += len(group)
    duplicates = sum(len(group) - 1 for group in copies)
    return {"weight": kernel.name, "units": kernel.columns.shape[1], "duplicates": duplicates, "groups": groups}


def _copies(kernel: Filters, bias: Array | None) -> list[list[int]]:
    """Return the groups of equal filters, in order; those that are all 0 are left to `zero_filters`."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    total = kernel.columns.shape[1]
    for start in range(0, total, BLOCK):
        rows = np.ascontiguousarray(kernel.columns[:, start : start + BLOCK].T) + 0  # makes -0.0 a 0.0
        for number, row in enumerate(rows, start):
            if row.astype(bool).any():
                group = number * kernel.groups // total
                groups[_digest(row, group, None if bias is None else bias[number])].append(number)
    return [group for group in groups.values() if len(group) > 1]


def _digest(row: Array, group: int, bias: Any) -> bytes:
    digest = blake2b(row.view(np.uint8).data, digest_size=16)
    digest.update(f"{group} {bias}".encode())
    return digest.digest()


def _is_no_chance(columns: Array) -> bool:
    """Whether filters of as many different values would hardly meet by chance."""
    fan_in, filters = columns.shape
    values = len(np.unique(columns.reshape(-1)[:SAMPLED].astype(np.float32)))
    return bool(fan_in * log(values) > log(filters * filters / 2 / CHANCE))
