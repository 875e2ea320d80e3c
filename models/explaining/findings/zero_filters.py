"""Filters whose weights are all zero."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from models.explaining.diagnosing.filters import Filters, depthwise_filters_of, filters_of
from models.explaining.diagnosing.finding import Finding, Outcome, Threshold, units
from models.explaining.diagnosing.layer_run import LayerRun


class ZeroFilters(Finding):
    """Filters that return their bias whatever they read."""

    severity = "low"
    threshold: ClassVar[Threshold] = {"weights_other_than_0": 0}
    of_weights = True

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at the kernels of dense layers and convolutions. Their weights are enough."""
        kernels = [found for found in (depthwise_filters_of(run), filters_of(run)) if found is not None]
        if not kernels:
            return None
        masks = [(kernel, np.asarray(~kernel.columns.astype(bool).any(axis=0))) for kernel in kernels]
        kernel, zero = next(((kernel, zero) for kernel, zero in masks if zero.any()), masks[0])
        evidence = {"weight": kernel.name, **units(zero, "zero")}
        if not zero.any():
            return self.clear(run, "Every filter has weights other than 0.", evidence)
        return self.found(run, _advice(kernel, int(zero.sum())), evidence, "high" if zero.all() else None)


def _advice(kernel: Filters, count: int) -> str:
    total = kernel.columns.shape[1]
    if count == total:
        return (
            f"The {kernel.name} is all 0: the layer returns its bias. Unless a branch is meant to start at 0, check "
            "that its weights were loaded, or give it another initializer."
        )
    return (
        f"{count} of {total} filters of the {kernel.name} are all 0. If they were pruned, remove them; else look for a "
        "learning rate or a regularizer that is too strong."
    )
