"""Layers that pass their input on at inference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.rearranging import moved
from models.explaining.arithmetic.steps import Step, weighted
from models.layers.core import Identity, Masking
from models.layers.layer import Layer
from models.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)


@explains(
    Identity, ActivityRegularization, Dropout, AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D,
    SpatialDropout2D, SpatialDropout3D,
)  # fmt: skip
def unchanged(call: LayerCall[Layer]) -> Iterator[Step]:
    """The element itself."""
    yield moved(call, 0, call.index)


@explains(Masking)
def masking(call: LayerCall[Masking]) -> Iterator[Step]:
    """The element itself, or 0 where all values of its step are the mask's."""
    axes, steps = at(*call.index), (*at(*call.index[:-1]), np.arange(call.output.shape[-1]))
    kept = bool((call.take(0, steps) != np.array(call.layer.mask_value, call.output.dtype)).any())
    formula = (
        f"{text(call.reads[0], axes)} if any of {text(call.reads[0], steps)} is not {call.layer.mask_value} else 0"
    )
    yield call.last_step(formula, weighted(call.reads[0], axes, call.take(0, axes), float(kept)))
