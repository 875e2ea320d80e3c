"""BatchNormalization at inference: a channel scaled and shifted by its stored statistics."""

from __future__ import annotations

from collections.abc import Iterator

from models.explaining.arithmetic.layer_call import LayerCall, at, explains
from models.explaining.arithmetic.normalized import inverse_root, scale_step, shifted_step
from models.explaining.arithmetic.steps import Step, weighted
from models.layers.normalization import BatchNormalization


@explains(BatchNormalization)
def batch_normalization(call: LayerCall[BatchNormalization]) -> Iterator[Step]:
    """(x - μ) / √(σ² + ε) · γ + β.

    Source: tf.nn.batch_normalization.
    """
    layer, place = call.layer, (call.index[call.layer.axis],)
    factor = inverse_root(call.weight_at("moving_variance", *place, cast=False) + layer.epsilon)
    spread = f"1 / sqrt(moving_variance[{place[0]}] + {layer.epsilon})"
    scale = scale_step(call, spread, factor, place if layer.scale else None)
    yield scale
    mean = weighted("moving_mean", at(*place), call.weight("moving_mean", at(*place), cast=False), -scale.total)
    yield shifted_step(call, scale.total, mean, place if layer.center else None)
