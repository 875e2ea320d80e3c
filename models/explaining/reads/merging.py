"""Layers of several inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.explaining.reads.part import Part, every
from models.explaining.reads.rule import Reading, reads_of
from models.layers.layer import Layer
from models.layers.merging import Concatenate, Dot, ElementwiseMerging
from models.layers.operations_binary import MultiOperandOperation


@reads_of(ElementwiseMerging, MultiOperandOperation)
def elementwise(reading: Reading[Layer]) -> Sequence[Part]:
    """The same elements; along axes of length 1 and of missing ones, those that are repeated."""
    return [_broadcast(reading.part, shape) for shape in reading.shapes]


def _broadcast(part: Part, shape: tuple[int, ...]) -> Part:
    batch, *inner = part.axes
    own = [batch, *inner[len(inner) - len(shape) + 1 :]]
    return part.at([np.ones(1, bool) if n == 1 else axis for axis, n in zip(own, shape, strict=True)])


@reads_of(Concatenate)
def concatenate(reading: Reading[Concatenate]) -> Sequence[Part]:
    """The elements that are in each input."""
    place, axes, start = reading.layer.axis % len(reading.output), reading.part.axes, 0
    found = []
    for shape in reading.shapes:
        own = axes[place][start : start + shape[place]]
        start += shape[place]
        is_all = own.sum() == axes[place].sum()
        found.append(reading.part.at([*axes[:place], own, *axes[place + 1 :]], everywhere=bool(is_all)))
    return found


@reads_of(Dot)
def dot(reading: Reading[Dot]) -> Sequence[Part]:
    """The whole of the axes that are summed over; of the others, those of either input."""
    batch, *rest = reading.part.axes
    found = []
    for shape, summed in zip(reading.shapes, reading.layer.summed_axes(reading.shapes), strict=True):
        axes = [every(n) if axis == summed else rest.pop(0) for axis, n in enumerate(shape[1:], 1)]
        found.append(reading.part.at([batch, *axes]))
    return found
