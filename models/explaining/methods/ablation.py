"""Method `ablation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.errors import InvalidOption
from models.explaining.methods.method import Explained, Method, Rows
from models.explaining.probe import Probe
from models.networks.network import PRE
from models.tensors.dtypes import Array

CHUNK = 64
"""Channels that are ablated at once: each takes a copy of the tensor."""


class Ablation(Method):
    """How much the score drops without each channel (Morcos et al. 2018, arXiv:1803.06959)."""

    name = "ablation"

    def check(self, shapes: Mapping[str, Sequence[int]], knobs: Any) -> None:  # noqa: ARG002
        """Check that every address has channels, and can be given."""
        for number, (address, shape) in enumerate(shapes.items()):
            if len(shape) < 2 or address.endswith(PRE):
                advice = f'write "{address.removesuffix(PRE)}"' if address.endswith(PRE) else None
                message = f"{address} has no channels of its own to set to zero"
                raise InvalidOption.at(f"/to/{number}", message, "what a layer returns", address, advice)

    def rows(self, shapes: Mapping[str, Sequence[int]], knobs: Any) -> Rows:  # noqa: ARG002
        """Return a score for each channel of each address, and that of the item."""
        return Rows(0, 1 + sum(shape[-1] for shape in shapes.values()))

    def explain(self, probe: Probe, knobs: Any) -> Explained:  # noqa: ARG002
        """Return for each address the score of the item less that without a channel, n × c (float32)."""
        values = probe.values(probe.to)
        scores = probe.scores(probe.inputs, np.arange(probe.items))
        drops = {address: _drops(probe, address, values[address], scores) for address in probe.to}
        return Explained(drops, scores)


def _drops(probe: Probe, address: str, values: Array, scores: Array) -> Array:
    rows = [scores[item] - _scores_without(probe, address, values[item], item) for item in range(probe.items)]
    return np.stack(rows).astype(np.float32)


def _scores_without(probe: Probe, address: str, value: Array, item: int) -> Array:
    channels, parts = value.shape[-1], []
    for start in range(0, channels, CHUNK):
        chunk = np.arange(start, min(start + CHUNK, channels))
        without = np.repeat(value[None], len(chunk), axis=0)
        without[np.arange(len(chunk)), ..., chunk] = 0
        parts.append(probe.scores(probe.rows_with({address: without}, item), np.full(len(chunk), item)))
    return np.concatenate(parts)
