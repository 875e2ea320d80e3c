"""BatchNormalization of inputs unlike those that it was trained with."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from models.explaining.diagnosing.channels import channel_figures
from models.explaining.diagnosing.finding import Finding, Outcome, Threshold, units
from models.explaining.diagnosing.layer_run import LayerRun
from models.layers.normalization import BatchNormalization
from models.tensors.dtypes import Array

DRIFT = 2.0
"""Root mean square over the channels of |batch mean - moving_mean| / √(moving_variance + epsilon). Items that are all
alike reach 1: a single one lies a standard deviation away. Inputs of another scale reach tens."""
SPREAD = 10.0
"""Median over the channels of the batch's variance to the moving one."""
FAR = 3.0
"""Standard deviations from which a channel is listed: 0.3 % of the values of a normal distribution lie so far."""


class BatchNormDrift(Finding):
    """Batch statistics that lie far from the moving ones, with which the layer normalizes at inference."""

    severity = "medium"
    threshold: ClassVar[Threshold] = {"drift": DRIFT, "variance_ratio": SPREAD}
    min_items = 16
    """The mean of 16 items lies a quarter of a standard deviation from that of all."""

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at BatchNormalization."""
        mean, variance = run.weight("moving_mean"), run.weight("moving_variance")
        if not isinstance(run.layer, BatchNormalization) or mean is None or variance is None:
            return None
        evidence = _evidence(run.layer, run.inputs[0], mean.astype(np.float64), variance.astype(np.float64))
        if not np.isfinite([evidence["drift"], evidence["variance_ratio"]]).all():
            return None
        if run.items < self.min_items:
            return self.not_enough_items(run, evidence)
        if evidence["drift"] < DRIFT and evidence["variance_ratio"] < SPREAD:
            return self.clear(run, "The batch is like what the layer was trained with.", evidence)
        return self.found(run, _advice(evidence), evidence, "low" if evidence["untrained"] else None)


def _evidence(layer: BatchNormalization, inputs: Array, mean: Array, variance: Array) -> dict[str, Any]:
    figures = channel_figures(inputs, layer.axis)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        drift = np.abs(figures.mean - mean) / np.sqrt(variance + layer.epsilon)
        ratio = figures.std**2 / (variance + layer.epsilon)
        overall = {"drift": float(np.sqrt((drift**2).mean())), "variance_ratio": float(np.median(ratio))}
    untrained = bool((mean == 0).all() and (variance == 1).all())
    return {**overall, "largest_drift": float(drift.max()), "untrained": untrained, **units(drift > FAR, "far")}


def _advice(evidence: dict[str, Any]) -> str:
    if evidence["untrained"]:
        return (
            "The moving mean and variance are 0 and 1, as before any training, and the batch has others. Load trained "
            "weights, or train; until then, training=true normalizes by the batch."
        )
    return (
        f"The batch lies {evidence['drift']:.3g} standard deviations from what the layer was trained with, and has "
        f"{evidence['variance_ratio']:.3g} times its variance. Check that inputs are scaled as in training (scale, "
        "colour order), or train the layer on such inputs."
    )
