"""Layers most of whose units stay at a bound of their activation, where its gradient vanishes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from models.explaining.diagnosing.channels import rows_by_channel
from models.explaining.diagnosing.endings import Ending
from models.explaining.diagnosing.finding import Finding, Outcome, Threshold, units
from models.explaining.diagnosing.layer_run import LayerRun
from models.tensors.dtypes import Array

NEAR = 0.01
"""Of the width between the bounds: a sigmoid over 0.99 or a tanh over 0.98, whose gradients are below 4 % of the
steepest."""
INACTIVE = 0.01
"""Share of values away from the bounds up to which a unit is saturated. Source: threshold_inactivity of Amazon
SageMaker Debugger's rule SaturatedActivation, 1 %."""
LAYER = 0.5
"""Share of saturated units from which a layer is. Source: threshold_layer of the same rule, 50 %."""


class Saturated(Finding):
    """Units that stay within 1 % of the bounds of a sigmoid, a tanh and the like, or at the top of a ReLU6.

    Not of a network's outputs: there a certain answer lies at a bound, as it does behind a softmax.
    """

    severity = "medium"
    threshold: ClassVar[Threshold] = {"near": NEAR, "share_of_units": LAYER, "share_of_values": 1 - INACTIVE}
    min_items = 8
    """A unit that is at a bound for two items of three is so for 8 of them with a probability of 4 %."""

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at hidden layers that end with a bounded activation."""
        ending = run.ending
        if ending is None or ending.high is None or run.is_output or not run.is_float:
            return None
        shares = _shares(run, ending)
        stuck = shares >= 1 - INACTIVE
        evidence = {"activation": ending.name, "share": float(shares.mean()), **units(stuck, "saturated")}
        if stuck.mean() < LAYER:
            return self.clear(run, "Most units leave the bounds of the activation.", evidence)
        if run.items < self.min_items:
            return self.not_enough_items(run, evidence)
        text = (
            f"{evidence['saturated']} of {evidence['units']} units stay at a bound of {ending.name}, where its "
            "gradient is almost 0. Try inputs of a smaller scale, smaller initial weights, a normalization before the "
            "activation, or an activation without a bound."
        )
        return self.found(run, text, evidence)


def _shares(run: LayerRun, ending: Ending) -> Array:
    """Return by channel the share of values near a bound: of a ReLU6 the upper one alone."""
    low, high = ending.low, ending.high or 0.0
    margin = NEAR * (high - (low or 0.0))
    total, near = 0, np.array(0)
    for rows in rows_by_channel(run.output, run.channel_axis):
        at_bound = rows >= high - margin
        if low is not None:
            at_bound |= rows <= low + margin
        total, near = total + len(rows), near + np.count_nonzero(at_bound, axis=0)
    return np.asarray(near / total)
