"""The layers where NaN and infinities begin."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from models.explaining.diagnosing.finding import Finding, Outcome, Threshold
from models.explaining.diagnosing.layer_run import LayerRun
from models.tensors.dtypes import FLOATS, Array
from models.tensors.json_text import is_finite
from models.tensors.statistics import statistics

FIGURES = ("min", "max", "nan", "inf")
"""Those of the statistics that say where a NaN comes from."""


class FirstNonFinite(Finding):
    """NaN or an infinity in what a layer returns while everything that goes in is finite: where it begins, and not
    where it is only passed on.
    """

    severity = "high"
    threshold: ClassVar[Threshold] = {"non_finite": 0}

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at every layer that returns floating-point numbers. One item is enough."""
        wrong = next((array for array in run.outputs if _has_non_finite(array)), None)
        if wrong is None:
            return self.clear(run, "Everything is finite.", {}) if run.is_float else None
        passed_on = [_has_non_finite(array) for array in run.inputs]
        evidence = _evidence(run, wrong)
        if not any(passed_on):
            return self.found(run, _advice(evidence), evidence)
        posted = any(bad and given for bad, given in zip(passed_on, run.from_input, strict=False))
        if posted:
            return self.found(run, "What was posted holds NaN or an infinity. Remove or replace it there.", evidence)
        return self.clear(run, "What goes in has NaN or an infinity already: it begins earlier.", evidence)


def _has_non_finite(array: Array) -> bool:
    return array.dtype in FLOATS and not is_finite(array)


def _evidence(run: LayerRun, wrong: Array) -> dict[str, Any]:
    """Return the counts, the first place, the ranges of what went in, and the weights that are not finite."""
    flat = wrong.reshape(-1)
    place = np.unravel_index(int(np.isfinite(flat).argmin()), wrong.shape)
    counts = {name: value for name, value in statistics(wrong).items() if name in ("nan", "inf")}
    ranges = [{name: statistics(array)[name] for name in FIGURES} for array in run.inputs]
    weights = [name for name, weight in run.weights.items() if _has_non_finite(weight)]
    return {**counts, "at": [int(axis) for axis in place], "inputs": ranges, "weights": weights}


def _advice(evidence: dict[str, Any]) -> str:
    if evidence["weights"]:
        names = ", ".join(evidence["weights"][:3])
        return f"The weights are not finite: {names}. Load weights from before training diverged."
    return (
        "NaN or infinities begin here, of finite numbers. Look at the ranges that went in: a number too large for the "
        "dtype, the logarithm or root of one below 0, or a division by 0. Try float32 or bfloat16 for float16, smaller "
        "inputs, or an epsilon."
    )
