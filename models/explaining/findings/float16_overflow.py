"""Numbers that float16 cannot hold, or hardly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from models.explaining.diagnosing.channels import rows_by_channel
from models.explaining.diagnosing.finding import Finding, Outcome, Threshold
from models.explaining.diagnosing.layer_run import LayerRun
from models.tensors.dtypes import FLOATS, Array

LARGEST = 65504.0
"""The largest number of float16 (IEEE 754 binary16): (2 - 2**-10) · 2**15."""
RESERVE = 2.0
"""Another item may bring numbers this many times as large."""


class Float16Overflow(Finding):
    """Numbers in outputs, before activations or in weights that reach half of the largest float16."""

    severity = "low"
    threshold: ClassVar[Threshold] = {"largest": LARGEST / RESERVE}
    min_items = 8
    """For an answer that all is well: of 8 items that are alike, the next is the largest once in 9 times, and then
    seldom by RESERVE."""

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at every layer that returns floating-point numbers."""
        if not run.is_float:
            return None
        tensors = dict(_tensors(run))
        sizes = {name: _largest(array) for name, array in tensors.items()}
        where = max(sizes, key=sizes.__getitem__)
        evidence = {"largest": sizes[where], "in": where}
        overflown = [name for name, array in tensors.items() if array.dtype == np.float16 and np.isinf(array).any()]
        if overflown:
            text = "This runs in float16, and numbers have become infinite. Try bfloat16 or float32 for this layer."
            return self.found(run, text, {**evidence, "in": overflown[0]}, "high")
        if sizes[where] >= LARGEST / RESERVE:
            return self.found(run, _advice(sizes[where]), evidence, "medium" if sizes[where] > LARGEST else None)
        if run.items < self.min_items:
            return self.not_enough_items(run, evidence)
        return self.clear(run, "Every number fits float16 with room to spare.", evidence)


def _tensors(run: LayerRun) -> Iterator[tuple[str, Array]]:
    """Yield the floating-point tensors of a layer by where they are."""
    yield from ((f"output {number}", array) for number, array in enumerate(run.outputs) if array.dtype in FLOATS)
    if run.before is not None:
        yield "before the activation", run.before
    yield from ((f"weight {name}", weight) for name, weight in run.weights.items() if weight.dtype in FLOATS)


def _largest(array: Array) -> float:
    """Return the largest finite magnitude."""
    largest = 0.0
    for rows in rows_by_channel(array.reshape(-1), -1):
        magnitudes = np.abs(rows)
        largest = max(largest, float(magnitudes.max(where=np.isfinite(magnitudes), initial=0)))
    return largest


def _advice(largest: float) -> str:
    fits = "do not fit" if largest > LARGEST else "hardly fit"
    return (
        f"Numbers up to {largest:.4g} {fits} float16. To run this network in half precision, use bfloat16, keep this "
        "layer in float32, or scale what goes in down."
    )
