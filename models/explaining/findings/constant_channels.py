"""Channels that have one value whatever goes in."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from models.explaining.diagnosing.channels import channel_figures
from models.explaining.diagnosing.filters import MIXING
from models.explaining.diagnosing.finding import Finding, Outcome, Threshold, units
from models.explaining.diagnosing.items import distinct_items
from models.explaining.diagnosing.layer_run import LayerRun
from models.layers.einsum import EinsumDense
from models.layers.normalization import BatchNormalization
from models.tensors.dtypes import Array

MOST = 0.5
"""Share of constant channels over which the layer tells the network nothing."""


class ConstantChannels(Finding):
    """Channels with the same bits for all items and positions, before an activation: behind one, `dead_units` and
    `saturated` say more. Looked for where it would begin: in layers whose units each read many channels, and in
    BatchNormalization, whose channels are constant if its gamma is 0.
    """

    severity = "low"
    threshold: ClassVar[Threshold] = {"range": 0.0}
    min_items = 8
    """A channel that is the same for two items of three is so for 8 of them with a probability of 4 %."""

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at layers with kernels, and at BatchNormalization."""
        constant = _constant(run)
        if constant is None:
            return None
        evidence = units(constant, "constant")
        if not constant.any():
            return self.clear(run, "Every channel differs between items or positions.", evidence)
        if min(run.items, distinct_items(run.inputs)) < self.min_items:
            return self.not_enough_items(run, evidence)
        cause = "gamma is 0" if isinstance(run.kind, BatchNormalization) else "weights are 0 or tiny"
        text = (
            f"{evidence['constant']} of {evidence['units']} channels are the same everywhere: their {cause}. If that "
            "is not meant (pruning, a residual branch that starts at 0), check that the weights were loaded and are "
            "trained; without training, remove the channels."
        )
        return self.found(run, text, evidence, "medium" if constant.mean() >= MOST else None)


def _constant(run: LayerRun) -> Array | None:
    """Return the channels that are constant and whose input is not; None for layers where it does not begin."""
    if not run.is_float:
        return None
    if isinstance(run.layer, BatchNormalization):
        axis = run.layer.axis
        figures = channel_figures(run.output, axis)
        return np.asarray(figures.constant & ~channel_figures(run.inputs[0], axis).constant)
    if not isinstance(run.kind, (*MIXING, EinsumDense)):
        return None
    if run.kind.has_activation():
        return None if run.activated_channels is None else run.activated_channels.constant
    return run.channels.constant
