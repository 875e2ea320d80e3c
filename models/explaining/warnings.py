"""Warnings of explanations: closed words, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.explaining.targets import Target, is_probability
from models.networks.network import Network
from models.tensors.dtypes import Array

SATURATED, ALL_ZERO, ALL_NEGATIVE, FEW_STEPS = "saturated", "all_zero", "all_negative", "few_steps"
CERTAIN = 1e-3
"""Distance of a probability from 0 or 1 below which its gradient is under a thousandth of the score's."""
FEW_STEPS_DELTA = 1e-2
"""Relative delta of completeness over which more steps are needed."""


def gradient_warnings(gradients: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Return a warning for each address where every gradient of an item is 0, with the numbers of the items."""
    found = []
    for address, gradient in gradients.items():
        items = zero_items(gradient)
        if items:
            found.append({"warning": ALL_ZERO, "address": address, "items": items})
    return found


def saturation_warnings(network: Network, target: Target, values: Sequence[Array]) -> list[dict[str, Any]]:
    """Return a warning for each term that is a probability so near to 0 or 1 that its gradient says nothing."""
    found = []
    for term, value in zip(target.terms, values, strict=True):
        if not is_probability(network, term.address):
            continue
        sure = np.flatnonzero(np.minimum(value, 1 - value) < CERTAIN).tolist()
        if sure:
            found.append({"warning": SATURATED, "address": term.address, "items": sure,
                          "values": [float(value[item]) for item in sure]})  # fmt: skip
    return found


def zero_items(array: Array) -> list[int]:
    """Return the numbers of the items whose values are all 0."""
    flat = array.reshape(len(array), -1)
    return [int(item) for item in np.flatnonzero(~flat.astype(bool).any(axis=1))]
