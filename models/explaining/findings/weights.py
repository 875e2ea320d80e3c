"""Weights in figures: norm, stable rank, and the share that is almost zero."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from models.explaining.diagnosing.channels import rows_by_channel
from models.explaining.diagnosing.filters import Filters, depthwise_filters_of, filters_of
from models.explaining.diagnosing.finding import LISTED, Finding, Outcome, Threshold
from models.explaining.diagnosing.layer_run import LayerRun
from models.explaining.diagnosing.singular_values import stable_rank
from models.tensors.dtypes import FLOATS, Array
from models.tensors.json_text import is_finite
from models.tensors.widening import widened

NEAR_ZERO = 1e-3
"""Of the root mean square. Of weights drawn from a normal distribution 0.08 % are so small."""
MOST = 0.9
"""Share of weights near zero over which a kernel is reported."""
RANK_ONE = 1.05
"""Stable rank under which a kernel has one direction: all others hold less than 5 % of its squares."""
MIN_SIZE, MIN_SIDE = 256, 16
"""Weights, and filters and weights of each, under which a kernel is too small to tell."""


class Weights(Finding):
    """Weights that are not finite, and kernels that are almost empty or have one direction. The figures are listed
    whatever the answer.
    """

    severity = "low"
    threshold: ClassVar[Threshold] = {"near_zero": NEAR_ZERO, "share_near_zero": MOST, "stable_rank": RANK_ONE}
    of_weights = True

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at every layer with floating-point weights, which are enough."""
        weights = {name: weight for name, weight in run.weights.items() if weight.dtype in FLOATS and weight.size}
        if not weights:
            return None
        kernels = [kernel for kernel in (depthwise_filters_of(run), filters_of(run)) if kernel is not None]
        evidence = {"weights": _figures(weights, kernels)}
        damaged = [name for name, weight in weights.items() if not is_finite(weight)]
        if damaged:
            text = f"NaN or infinities are in {', '.join(damaged[:3])}. Load weights from before training diverged."
            return self.found(run, text, evidence, "high")
        problem = next(filter(None, (_problem(kernel, evidence["weights"]) for kernel in kernels)), None)
        if problem is None:
            return self.clear(run, "The weights are finite, and none of the kernels is almost empty.", evidence)
        return self.found(run, problem, evidence)


def _figures(weights: dict[str, Array], kernels: list[Filters]) -> dict[str, dict[str, Any]]:
    """Return the figures of the first weights by name; the stable rank of kernels of known axes, as matrices."""
    ranks = {kernel.name: _rank(kernel) for kernel in kernels}
    listed = list(weights.items())[:LISTED]
    return {name: _norms(weight) | {"stable_rank": ranks.get(name.rpartition("/")[2])} for name, weight in listed}


def _norms(weight: Array) -> dict[str, float | None]:
    """Return the Euclidean norm, and the share of weights near zero; None for what is not finite."""
    squares, small = 0.0, 0
    for rows in rows_by_channel(weight.reshape(-1), -1):
        squares += float((rows**2).sum())
    if not np.isfinite(squares):
        return {"norm": None, "near_zeros": None}
    limit = NEAR_ZERO * float(np.sqrt(squares / weight.size))
    for rows in rows_by_channel(weight.reshape(-1), -1):
        small += int(np.count_nonzero(np.abs(rows) <= limit))
    return {"norm": float(np.sqrt(squares)), "near_zeros": small / weight.size}


def _rank(kernel: Filters) -> float | None:
    return stable_rank(widened(kernel.columns)) if is_finite(kernel.columns) else None


def _problem(kernel: Filters, figures: dict[str, dict[str, Any]]) -> str | None:
    found = next((value for name, value in figures.items() if name.rpartition("/")[2] == kernel.name), None)
    if found is None or kernel.columns.size < MIN_SIZE or found["stable_rank"] is None:
        return None
    if found["near_zeros"] >= MOST:
        return (
            f"{found['near_zeros']:.0%} of the {kernel.name} is almost 0. If it was pruned, that is meant; else try a "
            "weaker regularizer, or fewer units."
        )
    if found["stable_rank"] < RANK_ONE and min(kernel.columns.shape) >= MIN_SIDE:
        return (
            f"The {kernel.name} has one direction: its units return multiples of one number. Try another initializer, "
            "a lower learning rate, or far fewer units."
        )
    return None
