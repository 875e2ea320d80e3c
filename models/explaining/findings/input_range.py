"""Pictures on another scale than the network expects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from models.explaining.diagnosing.channels import rows_by_channel
from models.explaining.diagnosing.finding import Finding, Outcome, Threshold
from models.explaining.diagnosing.layer_run import LayerRun
from models.images.scale import CAFFE_MEAN, TORCH_MEAN, TORCH_STD, Scale
from models.layers.preprocessing import Rescaling
from models.tensors.dtypes import FLOATS, Array

BYTES = (0.0, 255.0)
RANGES: Mapping[Scale, tuple[float, float]] = {
    "none": BYTES,
    "unit": (0.0, 1.0),
    "signed": (-1.0, 1.0),
    "caffe": (-float(CAFFE_MEAN.max()), 255 - float(CAFFE_MEAN.min())),
    "torch": (float((-TORCH_MEAN / TORCH_STD).min()), float(((1 - TORCH_MEAN) / TORCH_STD).max())),
}
"""What 0…255 becomes, by scale, over all channels."""
MARGIN = 0.25
"""Of the width of the range, on each side: resizing overshoots by less, and a wrong scale by far more."""
ONE_OF_255 = 0.01
"""Relative deviation up to which a Rescaling's scale is taken for 1/255 or 1/127.5."""
PICTURE_AXES = 4


class InputRange(Finding):
    """Pictures outside the range that the document's `scale` or a Rescaling by 1/255 or 1/127.5 implies; or, where that
    is 0…255, pictures that were already scaled to ±1.
    """

    severity = "high"
    threshold: ClassVar[Threshold] = {"margin": MARGIN}
    min_items = 8
    """For an answer that all is well, and that pictures were scaled before: a single one may be dark."""

    def look(self, run: LayerRun) -> Outcome | None:
        """Look at the first layer behind an input of pictures."""
        outcomes = [self._judge(run, array, expected) for array, expected in _pictures(run)]
        order = ("found", "not_enough_items", "clear")
        return min(outcomes, key=lambda outcome: order.index(outcome.status), default=None)

    def _judge(self, run: LayerRun, array: Array, expected: tuple[float, float]) -> Outcome:
        low, high, is_whole = _range(array)
        evidence: dict[str, Any] = {"expected": list(expected), "min": low, "max": high}
        margin = MARGIN * (expected[1] - expected[0])
        words = f"{expected[0]:.4g} to {expected[1]:.4g}"
        if low < expected[0] - margin or high > expected[1] + margin:
            text = (
                f"The network expects numbers from {words}, and these go from {low:.4g} to {high:.4g}. Post pictures, "
                "which are scaled as the model says, or scale them so."
            )
            return self.found(run, text, evidence)
        if run.items < self.min_items:
            return self.not_enough_items(run, evidence)
        if expected == BYTES and -1 <= low < high <= 1 and not is_whole:
            text = f"The network expects numbers from {words}, and these were scaled before. Post them unscaled."
            return self.found(run, text, evidence)
        return self.clear(run, f"The numbers are of the range from {words}.", evidence)


def _pictures(run: LayerRun) -> Iterator[tuple[Array, tuple[float, float]]]:
    """Yield the network's inputs that are pictures of floats, with the range that is expected of them."""
    expected = BYTES if _is_of_bytes(run) else None if run.scale is None else RANGES[run.scale]
    for array, is_input in zip(run.inputs, run.from_input, strict=False):
        if is_input and expected is not None and array.ndim == PICTURE_AXES and array.dtype in FLOATS:
            yield array, expected


def _is_of_bytes(run: LayerRun) -> bool:
    """Whether the layer rescales 0…255 to a range of 1 or 2."""
    scale = run.layer.scale if isinstance(run.layer, Rescaling) else None
    return isinstance(scale, float) and any(abs(abs(scale) * 255 / width - 1) < ONE_OF_255 for width in (1, 2))


def _range(array: Array) -> tuple[float, float, bool]:
    """Return the smallest and the largest finite number, and whether all are integers."""
    low, high, is_whole = np.inf, -np.inf, True
    for rows in rows_by_channel(array, -1):
        finite = rows[np.isfinite(rows)]
        low, high = min(low, float(finite.min(initial=np.inf))), max(high, float(finite.max(initial=-np.inf)))
        is_whole = is_whole and bool((finite == np.rint(finite)).all())
    return low, high, is_whole
