"""Wrappers: what the layer inside reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.explaining.reads.part import Part
from models.explaining.reads.registry import parts_of
from models.explaining.reads.rule import Reading, reads_of
from models.layers.wrapping import SpectralNormalization, TimeDistributed


@reads_of(SpectralNormalization)
def inside(reading: Reading[SpectralNormalization]) -> Sequence[Part]:
    """What the layer reads."""
    return parts_of(Reading(reading.layer.layer, reading.part, reading.shapes, reading.output))


@reads_of(TimeDistributed)
def each_step(reading: Reading[TimeDistributed]) -> Sequence[Part]:
    """What the layer reads of the same steps."""
    axes, shape, steps = reading.part.axes, reading.shapes[0], reading.part.axes[1]
    part = replace(reading.part, axes=(axes[0], *axes[2:]))
    output = (reading.output[0], *reading.output[2:])
    (found,) = parts_of(Reading(reading.layer.layer, part, ((shape[0], *shape[2:]),), output))
    rows, *rest = found.axes
    return [replace(found, axes=(rows, steps, *rest))]
