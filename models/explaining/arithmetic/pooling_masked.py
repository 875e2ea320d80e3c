"""The mean over the steps of a sequence, of those that its mask keeps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, explains, text
from models.explaining.arithmetic.pooling import everywhere, mean
from models.explaining.arithmetic.steps import Step, weighted
from models.layers.pooling_global import GlobalAveragePooling1D


@explains(GlobalAveragePooling1D)
def mean_of_steps(call: LayerCall[GlobalAveragePooling1D]) -> Iterator[Step]:
    """The mean of the channel; masked steps have weight 0 and do not count."""
    axes = everywhere(call)
    if call.mask is None:
        yield mean(call, axes)
        return
    values = call.take(0, axes)
    kept = np.broadcast_to(call.mask, call.inputs[0].shape[: call.mask.ndim])[call.index[0]].astype(bool)
    kept = kept.reshape([-1 if len(axis) > 1 else 1 for axis in axes])
    terms = weighted(call.reads[0], axes, values, kept / max(kept.sum(), 1))
    yield call.last_step(
        f"sum of the {kept.sum()} steps of {text(call.reads[0], axes)} not masked / {kept.sum()}", terms
    )
