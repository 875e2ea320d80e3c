"""The axis of the channels of each tensor of a network: the last one, unless a layer puts channels first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU
from models.layers.layer import Layer
from models.layers.merging import ElementwiseMerging
from models.layers.normalization import BatchNormalization
from models.layers.operations_elementwise import Elementwise
from models.layers.regularization import TrainingOnly
from models.layers.spatial import SpatialAxes
from models.networks.network import PRE, Network
from models.tensors.dtypes import Array

KEEPING = (Activation, ReLU, LeakyReLU, ELU, PReLU, ElementwiseMerging, TrainingOnly, Elementwise)
"""Layers whose outputs have the axes of their inputs."""
LAST = -1


def channel_axes(network: Network, tensors: Mapping[str, Array]) -> dict[str, int]:
    """Return the axis by address, of the tensors that are known."""
    axes: dict[str, int] = {}
    for node in network.nodes:
        before = axes.get(node.inputs[0], LAST) if node.inputs else LAST
        for place, output in enumerate(node.outputs):
            if node.is_block:
                axes[output] = axes.get(node.inputs[place], LAST)
            else:
                axes[output] = _axis(node.layer, tensors.get(output), before)
        axes[node.address + PRE] = axes.get(node.outputs[0], LAST) if node.outputs else LAST
    return axes


def _axis(layer: Layer, output: Any, before: int) -> int:
    if isinstance(layer, BatchNormalization):
        return layer.axis
    if isinstance(layer, KEEPING):
        return before
    if isinstance(layer, SpatialAxes) and output is not None and output.ndim == layer.spatial_rank + 2:
        return layer.channel_axis()
    return LAST
