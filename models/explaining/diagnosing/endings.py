"""Activations whose outputs have bounds, or are 0 over a range: what layers end with, or are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from models.layers.activated import Activated
from models.layers.activation import Activation, LeakyReLU, ReLU
from models.layers.activation_names import KERAS2_HARD_SIGMOID
from models.layers.layer import Layer
from models.layers.operations import PREFIX
from models.layers.wrapping import SpectralNormalization, TimeDistributed


class Ending(NamedTuple):
    """An activation: the bounds of what it returns, and the number below which it returns 0; None if it has none."""

    name: str
    low: float | None = None
    high: float | None = None
    edge: float | None = None


ENDINGS: Mapping[str, Ending] = {
    ending.name: ending
    for ending in (
        Ending("hard_sigmoid", 0, 1),
        Ending("hard_silu", edge=-3),
        Ending("hard_tanh", -1, 1),
        Ending(KERAS2_HARD_SIGMOID, 0, 1),
        Ending("relu", edge=0),
        Ending("relu6", high=6, edge=0),
        Ending("sigmoid", 0, 1),
        Ending("softmax"),
        Ending("softsign", -1, 1),
        Ending("sparse_plus", edge=-1),
        Ending("sparse_sigmoid", 0, 1),
        Ending("tanh", -1, 1),
    )
}
"""By Keras' names. Source: the docstrings of keras.activations. A softmax is bounded too, and right at its bounds."""


def unwrapped(layer: Layer) -> Layer:
    """Return the layer that a wrapper applies to each step, or whose kernel it normalizes."""
    while isinstance(layer, TimeDistributed | SpectralNormalization):
        layer = layer.layer
    return layer


def ending_of(layer: Layer) -> Ending | None:
    """Return the activation that a layer ends with, or is."""
    layer = unwrapped(layer)
    if isinstance(layer, Activated | Activation):
        return _named(layer.activation)
    return _named(layer)


def _named(value: Layer | str | None) -> Ending | None:
    """Return the ending of an activation that is a name or a layer."""
    if isinstance(value, ReLU):
        zeroes = value.negative_slope == 0
        return Ending("relu", high=value.max_value, edge=value.threshold if zeroes else None)
    if isinstance(value, LeakyReLU):
        return ENDINGS["relu"] if value.negative_slope == 0 else None
    name = value.type_name().removeprefix(PREFIX).lower() if isinstance(value, Layer) else value
    return ENDINGS.get(name or "")
