"""Units behind a ReLU that return 0 for every item at every position: they pass nothing on and no longer learn."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from models.explaining.diagnosing.finding import Finding, Outcome, Severity, Threshold, units
from models.explaining.diagnosing.layer_run import LayerRun
from models.tensors.dtypes import Array

DEVIATIONS = 4.0
"""A unit that is active for one value in a hundred was by chance 0 for all; what goes into it comes near the edge. Dead
is one whose mean input lies this many standard deviations below the edge, twice as far as that of such a unit."""
MOST, MANY = 0.5, 0.1
"""Shares of dead units over which a layer is lost, or harmed. Amazon SageMaker Debugger's rule DeadRelu reports a layer
from 50 % on."""


class DeadUnits(Finding):
    """Channels that are 0 for all items and positions, behind an activation that is 0 over a range."""

    severity = "low"
    threshold: ClassVar[Threshold] = {"deviations_below_the_edge": DEVIATIONS}
    min_items = 32
    """A unit that is active for a tenth of all items is 0 for 32 of them with a probability of 3 %."""

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at layers that end with a ReLU or the like."""
        if run.ending is None or run.ending.edge is None or not run.is_float:
            return None
        dead = _dead_units(run, run.ending.edge)
        evidence = units(dead, "dead")
        if not dead.any():
            return self.clear(run, "Every unit is active for an item, or comes near it.", evidence)
        if run.items < self.min_items:
            return self.not_enough_items(run, evidence)
        text = (
            f"{evidence['dead']} of {evidence['units']} units return 0 for all items, and nothing that goes into them "
            "comes near the edge of the activation. Try a lower learning rate, he_normal as the initializer, a "
            "normalization before the activation, or LeakyReLU; without training, remove them."
        )
        return self.found(run, text, evidence, _severity(float(dead.mean())))


def _dead_units(run: LayerRun, edge: float) -> Array:
    figures, before = run.channels, run.activated_channels
    dead = (figures.low == 0) & (figures.high == 0)
    if before is not None:
        dead &= before.mean + DEVIATIONS * before.std <= edge
    return np.asarray(dead)


def _severity(share: float) -> Severity:
    return "high" if share >= MOST else "medium" if share >= MANY else "low"
