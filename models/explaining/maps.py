"""Maps of where a target looks, made of the activations of a layer and their gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from models.errors import InvalidOption
from models.explaining.methods.method import Explained, Knobs, Method, Rows
from models.explaining.probe import Probe
from models.explaining.warnings import ALL_NEGATIVE, gradient_warnings
from models.networks.network import Network
from models.tensors.dtypes import Array

SPATIAL_RANK = 4
"""Axes of a tensor with a map: batch, height, width, channels."""
MapOf = Callable[[Array, Array], Array]
"""Makes maps, n × h × w, of activations and gradients, both n × h × w × c and of float64, before a ReLU."""


class MapKnobs(Knobs):
    """Options of methods that give maps."""

    relu: bool = Field(True, description="Whether what speaks against the target is set to 0.")


class MapMethod(Method):
    """A method that gives a map of n × h × w at the layer's own resolution."""

    knobs = MapKnobs
    signed = False

    def default_to(self, network: Network) -> list[str] | None:  # noqa: ARG002
        """Return None: the last address with two spatial axes that the target depends on."""
        return None

    def chosen(self, shapes: Mapping[str, Sequence[int]]) -> list[str]:
        """Return the last address with a map of more than one position; `shapes` are in the order of computation."""
        found = [address for address, shape in shapes.items() if len(shape) == SPATIAL_RANK and shape[1] * shape[2] > 1]
        if not found:
            message = "no layer before the target has two spatial axes"
            raise InvalidOption.at("/method", message, "a network of pictures", "none", 'write "method": "gradient"')
        return found[-1:]

    def check(self, shapes: Mapping[str, Sequence[int]], knobs: Any) -> None:  # noqa: ARG002
        """Check that every address has two spatial axes and channels."""
        for number, (address, shape) in enumerate(shapes.items()):
            if len(shape) != SPATIAL_RANK:
                message, expected = f"{address} has no map", "an address of height, width and channels"
                raise InvalidOption.at(f"/to/{number}", message, expected, f"{len(shape) - 1} axes after the batch")

    def rows(self, shapes: Mapping[str, Sequence[int]], knobs: Any) -> Rows:  # noqa: ARG002
        """Return one row with gradients."""
        return Rows(1)

    @abstractmethod
    def map_of(self, activations: Array, gradients: Array) -> Array:
        """Return the maps before a ReLU."""

    def explain(self, probe: Probe, knobs: MapKnobs) -> Explained:
        """Return maps of float32."""
        found = probe.gradients()
        maps = {
            address: self.map_of(found.values[address].astype(np.float64), gradient.astype(np.float64))
            for address, gradient in found.gradients.items()
        }
        warnings = [*gradient_warnings(found.gradients), *_negative(maps)]
        shown = {address: np.maximum(one, 0) if knobs.relu else one for address, one in maps.items()}
        tensors = {address: one.astype(np.float32) for address, one in shown.items()}
        return Explained(tensors, found.scores, warnings=warnings)


def _negative(maps: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Return a warning for each address where nothing speaks for the target of an item, which a ReLU hides."""
    found = []
    for address, one in maps.items():
        flat = one.reshape(len(one), -1)
        items = np.flatnonzero((flat <= 0).all(axis=1) & (flat < 0).any(axis=1)).tolist()
        if items:
            found.append({"warning": ALL_NEGATIVE, "address": address, "items": items})
    return found
