"""Enlarging layers: the element that is repeated, or the neighbours between which it lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, explains, text
from models.explaining.arithmetic.rearranging import moved
from models.explaining.arithmetic.steps import NoArithmetic, Step, weighted
from models.layers.reshaping import UpSampling1D, UpSampling2D, UpSampling3D
from models.layers.spatial import SpatialAxes
from models.tensors.dtypes import Array


@explains(UpSampling1D, UpSampling3D)
def repeated(call: LayerCall[UpSampling1D] | LayerCall[UpSampling3D]) -> Iterator[Step]:
    """The element that is repeated."""
    size = call.layer.size
    yield _nearest(call, (size,) if isinstance(size, int) else size)


@explains(UpSampling2D)
def enlarged(call: LayerCall[UpSampling2D]) -> Iterator[Step]:
    """The pixel that is repeated, or four neighbours weighted by how near they are.

    Raises:
        NoArithmetic: it is a sum over more neighbours, by weights that TensorFlow reads from a table.
    """
    layer = call.layer
    if layer.interpolation == "nearest":
        yield _nearest(call, layer.size)
        return
    if layer.interpolation != "bilinear":
        raise NoArithmetic(f"The arithmetic of UpSampling2D with interpolation {layer.interpolation} is not explained.")
    axes = [np.array([place]) for place in call.index]
    weights = np.ones((1,) * len(axes))
    for axis, size in zip(layer.spatial_axes(), layer.size, strict=True):
        axes[axis], near = neighbours(call.index[axis], call.inputs[0].shape[axis], size)
        weights = weights * near.reshape([-1 if n == axis else 1 for n in range(len(axes))])
    formula = f"{text(call.reads[0], axes)}, each times how near it is"
    yield call.last_step(formula, weighted(call.reads[0], axes, call.take(0, axes), weights))


def neighbours(position: int, length: int, size: int) -> tuple[Array, Array]:
    """Return the positions of the input on both sides of one of the output, and their weights, by distance.

    Source: tf.image.resize, whose pixels have their centres at halves.
    """
    place = np.float32(position + 0.5) * np.float32(length / (length * size)) - np.float32(0.5)
    low = int(np.floor(place))
    share = float(place) - low
    merged: Mapping[int, float] = {}
    for own, weight in ((low, 1 - share), (low + 1, share)):
        kept = min(max(own, 0), length - 1)
        merged = {**merged, kept: merged.get(kept, 0.0) + weight}
    return np.array(list(merged)), np.array(list(merged.values()))


def _nearest(call: LayerCall[SpatialAxes], sizes: tuple[int, ...]) -> Step:
    place = list(call.index)
    for axis, size in zip(call.layer.spatial_axes(), sizes, strict=True):
        place[axis] //= size
    return moved(call, 0, place)
