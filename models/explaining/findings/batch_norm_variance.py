"""BatchNormalization of channels that did not vary when it was trained."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from models.explaining.diagnosing.finding import Finding, Outcome, Threshold, units
from models.explaining.diagnosing.layer_run import LayerRun
from models.layers.normalization import BatchNormalization

RATIO = 1e-6
"""Of moving_variance to epsilon. A channel is divided by √(moving_variance + epsilon): below this it comes out less
than a thousandth of its standard deviation in training, and as large as it likes for other inputs."""
MOST = 0.5
"""Share of such channels from which the layer is lost."""


class BatchNormVariance(Finding):
    """Channels whose moving_variance is about 0: epsilon alone says how they are scaled."""

    severity = "low"
    threshold: ClassVar[Threshold] = {"variance_to_epsilon": RATIO}
    of_weights = True

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at BatchNormalization. Its weights are enough."""
        variance = run.weight("moving_variance")
        if not isinstance(run.kind, BatchNormalization) or variance is None:
            return None
        small = variance.astype(np.float64) <= RATIO * run.kind.epsilon
        evidence = {**units(small, "near_zero"), "least": float(np.nanmin(variance.astype(np.float64)))}
        if evidence["least"] < 0:
            text = "A variance is below 0, which no training gives: the weights are damaged, or not in Keras' order."
            return self.found(run, text, evidence, "high")
        if not small.any():
            return self.clear(run, "Every channel varied in training.", evidence)
        text = (
            f"{evidence['near_zero']} of {evidence['units']} channels did not vary in training: their "
            "moving_variance is about 0. They were dead, or constant; another input makes them large. Look at the "
            "layers before, and remove such channels."
        )
        return self.found(run, text, evidence, "medium" if small.mean() >= MOST else None)
