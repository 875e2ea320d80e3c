"""Layers that keep every element apart, or read the whole of some axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from models.explaining.reads.part import Part, every
from models.explaining.reads.rule import Reading, reads_of
from models.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU
from models.layers.applications import LayerScale
from models.layers.axes import AlongAxes, inner_axes
from models.layers.core import Dense, Identity, Masking
from models.layers.layer import Layer
from models.layers.normalization import BatchNormalization, GroupNormalization
from models.layers.operations_elementwise import Elementwise
from models.layers.preprocessing import Normalization, Rescaling
from models.layers.regularization import TrainingOnly
from models.tensors.dtypes import Array

ALONG_LAST = frozenset(("softmax", "log_softmax", "sparsemax"))
"""Activations of the whole last axis."""


@reads_of(
    ELU, LeakyReLU, PReLU, ReLU, Identity, TrainingOnly, BatchNormalization, Normalization, Rescaling, LayerScale,
    Elementwise,
)  # fmt: skip
def same(reading: Reading[Layer]) -> Sequence[Part]:
    """The same elements."""
    return [reading.part]


@reads_of(Dense, Masking)
def along_last(reading: Reading[Layer]) -> Sequence[Part]:
    """The whole last axis."""
    return [reading.part.at([*reading.part.axes[:-1], every(reading.shapes[0][-1])])]


@reads_of(AlongAxes)
def along_axes(reading: Reading[AlongAxes]) -> Sequence[Part]:
    """The whole of the layer's axes."""
    return [whole(reading.part, inner_axes("axis", reading.layer.axis, reading.shapes[0]))]


@reads_of(Activation)
def activation(reading: Reading[Activation]) -> Sequence[Part]:
    """What the function reads."""
    return [before_activation(reading.part, reading.layer.activation)]


@reads_of(GroupNormalization)
def group(reading: Reading[GroupNormalization]) -> Sequence[Part]:
    """All positions, in the groups of the channels."""
    axis, length = reading.layer.axis % len(reading.output), reading.shapes[0][reading.layer.axis]
    groups = length if reading.layer.groups == -1 else reading.layer.groups
    members = reading.part.axes[axis].reshape(groups, -1)
    axes = [every(length) for length in reading.shapes[0]]
    axes[0], axes[axis] = reading.part.axes[0], members.any(1).repeat(members.shape[1])
    return [reading.part.at(axes)]


def before_activation(part: Part, function: Layer | str) -> Part:
    """Return the part of what an activation is applied to that a part of its result is computed from."""
    if isinstance(function, AlongAxes):
        return whole(part, inner_axes("axis", function.axis, tuple(map(len, part.axes))))
    return whole(part, [len(part.axes) - 1]) if function in ALONG_LAST else part


def whole(part: Part, axes: Iterable[int]) -> Part:
    """Return the part with the whole of some axes."""
    chosen = set(axes)
    own: list[Array] = [every(len(axis)) if n in chosen else axis for n, axis in enumerate(part.axes)]
    return part.at(own)
