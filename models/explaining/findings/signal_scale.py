"""Layers where the scale of the signal explodes or vanishes."""

from __future__ import annotations

from math import isfinite
from typing import ClassVar

from models.explaining.diagnosing.channels import rms
from models.explaining.diagnosing.filters import KERNELS
from models.explaining.diagnosing.finding import Finding, Outcome, Threshold
from models.explaining.diagnosing.layer_run import LayerRun
from models.layers.einsum import EinsumDense
from models.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from models.tensors.dtypes import FLOATS

STEP = 1e3
"""Factor of one layer. Good initial weights keep it near 1 (He et al., "Delving Deep into Rectifiers", 2015, section
2.2); training moves it, though not by three orders of magnitude."""
LARGE, SMALL = 1e4, 1e-6
"""Root mean squares that a layer crosses. Per layer, 30 layers reach them by factors of 1.36 and 0.63 alone."""
NORMALIZING = (BatchNormalization, GroupNormalization, LayerNormalization, RMSNormalization, UnitNormalization)
"""Layers that undo any scale of what they read."""


class SignalScale(Finding):
    """Layers with kernels whose outputs, before the activation, are far larger or smaller than their inputs, or with
    which the signal leaves the range that numbers of a network have.

    Not where only normalizations read them, which undo any scale, and not of the network's inputs and outputs, whose
    units are the user's.
    """

    severity = "medium"
    threshold: ClassVar[Threshold] = {"factor": STEP, "large": LARGE, "small": SMALL}
    min_items = 4
    """A root mean square over all units hardly depends on the items."""

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at hidden layers with kernels."""
        if not _applies(run):
            return None
        before, after = rms(run.inputs[0]), rms(run.output if run.activated is None else run.activated)
        evidence = {"rms_in": before, "rms_out": after}
        if not (isfinite(before) and isfinite(after)):
            return None
        problem = _problem(run, before, after)
        if problem is None:
            return self.clear(run, "The scale of the signal is kept.", evidence)
        if run.items < self.min_items:
            return self.not_enough_items(run, evidence)
        text = (
            f"The signal {problem} here: its root mean square goes from {before:.3g} to {after:.3g}. Try he_normal or "
            "glorot_uniform as the initializer, a normalization behind the layer, or inputs of another scale."
        )
        return self.found(run, text, evidence)


def _applies(run: LayerRun) -> bool:
    if run.is_output or not isinstance(run.kind, (*KERNELS, EinsumDense)):
        return False
    undone = bool(run.readers) and all(isinstance(reader, NORMALIZING) for reader in run.readers)
    return not undone and run.is_float and run.inputs[0].dtype in FLOATS


def _problem(run: LayerRun, before: float, after: float) -> str | None:
    """Return what happens to the signal, if anything: one that is 0 has no scale."""
    if not (before and after):
        return None
    is_first = any(run.from_input)
    large, small = LARGE * max(1.0, run.input_rms), SMALL * min(1.0, run.input_rms)
    if (after / before >= STEP and not is_first) or (before < large <= after):
        return "explodes"
    if (after / before <= 1 / STEP and not is_first) or (before > small >= after):
        return "vanishes"
    return None
