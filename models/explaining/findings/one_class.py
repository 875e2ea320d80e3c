"""Classifiers that answer the same for every item."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from models.explaining.diagnosing.finding import Finding, Outcome, Threshold
from models.explaining.diagnosing.layer_run import LayerRun
from models.layers.activation import Softmax
from models.tensors.dtypes import Array

SPREAD = 0.01
"""Of a class' scores between items, to the scores between classes: below this the answer hardly depends on the item,
while 8 pictures of one class differ by a tenth and more."""
MANY = 32
"""Items from which one class for all is reported though the scores differ: fewer may well be of one class."""


class OneClass(Finding):
    """Outputs of a softmax, or of one sigmoid unit, that name one class for all items. Regressions and outputs of
    several labels, whose largest unit means nothing, are left alone.
    """

    severity = "medium"
    threshold: ClassVar[Threshold] = {"spread": SPREAD, "items_of_one_class": MANY}
    min_items = 8
    """Of two classes equally frequent, 8 items are of one with a probability of 1 %."""

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at outputs of the network with one row of classes for each item."""
        scores = _scores(run)
        if scores is None or not np.isfinite(scores).all():
            return None
        classes = _classes(run.output)
        evidence = _evidence(classes, scores)
        if evidence["classes"] > 1:
            return self.clear(run, "The items are of several classes.", evidence)
        if run.items < self.min_items:
            return self.not_enough_items(run, evidence)
        if evidence["spread"] < SPREAD:
            return self.found(run, _advice(evidence, "and the scores hardly differ between them"), evidence, "high")
        if run.items < MANY:
            return self.not_enough_items(run, evidence)
        return self.found(run, _advice(evidence, "which is wrong unless they all are of it"), evidence)


def _scores(run: LayerRun) -> Array | None:
    """Return what goes into the softmax or sigmoid of a classifier, or what comes out if that is not at hand."""
    if not run.is_output or run.output.ndim != 2 or not run.is_float:
        return None
    width = run.output.shape[1]
    is_softmax = isinstance(run.kind, Softmax) or (run.ending is not None and run.ending.name == "softmax")
    is_sigmoid = run.ending is not None and run.ending.name == "sigmoid"
    if not (is_softmax and width > 1) and not (is_sigmoid and width == 1):
        return None
    scores = run.output if run.activated is None else run.activated
    return scores.astype(np.float64)


def _classes(output: Array) -> Array:
    """Return the class of each item: the largest unit, or of one unit whether it is over one half."""
    return np.asarray(output.argmax(1) if output.shape[1] > 1 else output[:, 0] > 0.5)


def _evidence(classes: Array, scores: Array) -> dict[str, Any]:
    """Return the classes, and how far scores differ between items: to their size where there is one unit alone."""
    between = float(scores.std(0).mean())
    size = float(scores.std(1).mean()) if scores.shape[1] > 1 else max(float(np.abs(scores).mean()), 1.0)
    ratio = between / size if size else 0.0
    return {"classes": len(np.unique(classes)), "class": int(classes[0]), "spread": ratio}


def _advice(evidence: dict[str, Any], why: str) -> str:
    return (
        f"Every item is of class {evidence['class']}, {why}. Check that inputs are scaled as in training and that the "
        "weights were loaded; if so, look for dead or constant layers, or train with balanced classes."
    )
