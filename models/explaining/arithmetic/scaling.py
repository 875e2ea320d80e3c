"""Layers that scale and shift every number by constants, or by weights that training leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.steps import Step, weighted
from models.layers.applications import LayerScale
from models.layers.preprocessing import Normalization, Rescaling

KERAS_EPSILON = 1e-7
"""keras.config.epsilon(), the least standard deviation that Normalization divides by."""


@explains(Rescaling)
def rescaling(call: LayerCall[Rescaling]) -> Iterator[Step]:
    """x · scale + offset."""
    scale, offset = (_along_last(call, value) for value in (call.layer.scale, call.layer.offset))
    yield _scaled(call, f"{scale:.9g}", scale, offset, f"{offset:.9g}")


@explains(LayerScale)
def layer_scale(call: LayerCall[LayerScale]) -> Iterator[Step]:
    """x · gamma."""
    channel = call.index[-1]
    yield _scaled(call, f"gamma[{channel}]", call.weight_at("gamma", channel))


@explains(Normalization)
def normalization(call: LayerCall[Normalization]) -> Iterator[Step]:
    """(x - mean) / √variance; the other way round with `invert`."""
    mean, variance = (_kept(call, name) for name in ("mean", "variance"))
    deviation = max(float(np.sqrt(variance)), KERAS_EPSILON)
    if call.layer.invert:
        yield _scaled(call, f"sqrt({variance:.9g})", deviation, mean, f"{mean:.9g}")
        return
    here, scale = at(*call.index), 1 / deviation
    own = weighted(call.reads[0], here, call.take(0, here), scale)
    formula = f"({text(call.reads[0], here)} - {mean:.9g}) / sqrt({variance:.9g})"
    yield call.last_step(formula, own, weighted("mean", (), np.array(mean), -scale))


def _scaled(call: LayerCall[Any], by: str, scale: float, offset: float | None = None, shift: str | None = None) -> Step:
    here = at(*call.index)
    formula = f"{text(call.reads[0], here)} * {by}" + (f" + {shift}" if shift else "")
    return call.last_step(formula, weighted(call.reads[0], here, call.take(0, here), scale), bias=offset)


def _along_last(call: LayerCall[Any], value: float | list[float]) -> float:
    """Return a constant, or its element for the position along the last axis, in the dtype of the layer."""
    one = value if isinstance(value, float | int) else value[call.index[-1] if len(value) > 1 else 0]
    return float(np.array(one).astype(call.output.dtype))


def _kept(call: LayerCall[Normalization], name: str) -> float:
    """Return the element of the mean or the variance: a constant, which goes along the last of the axes that are kept,
    or a weight with these axes.
    """
    axes = [call.layer.axis] if isinstance(call.layer.axis, int) else call.layer.axis or []
    places = [call.index[axis] for axis in sorted(axis % len(call.index) for axis in axes)]
    value = getattr(call.layer, name)
    if value is None:
        return call.weight_at(name, *places)
    one = value if isinstance(value, float | int) else value[places[-1] if len(value) > 1 else 0]
    return float(np.array(one).astype(call.output.dtype))
