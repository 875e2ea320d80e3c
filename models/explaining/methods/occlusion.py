"""Method `occlusion`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

import numpy as np
from pydantic import Field

from models.errors import InvalidOption
from models.explaining.methods.method import Explained, Knobs, Method, Rows
from models.explaining.probe import Probe
from models.explaining.windows import window_starts
from models.networks.network import PRE
from models.tensors.dtypes import Array

CHUNK = 256
"""Windows that are made at once: each is a copy of an item."""
SPATIAL_RANKS = (3, 4)
"""Axes of what has positions: steps and channels, or height, width and channels, after the batch."""


class OcclusionKnobs(Knobs):
    """Options of occlusion."""

    window: int = Field(8, ge=1, le=4096, description="Side of the window, in values.")
    stride: int = Field(4, ge=1, le=4096, description="From one window to the next.")
    value: float = Field(0.0, allow_inf_nan=False, description="What the window is filled with.")


class Occlusion(Method):
    """How much the score drops when a window is covered (Zeiler & Fergus 2014, arXiv:1311.2901)."""

    name = "occlusion"
    knobs = OcclusionKnobs

    def check(self, shapes: Mapping[str, Sequence[int]], knobs: OcclusionKnobs) -> None:
        """Check that every address has positions, and that a window fits."""
        for number, (address, shape) in enumerate(shapes.items()):
            if len(shape) not in SPATIAL_RANKS or address.endswith(PRE):
                message, expected = (
                    f"{address} has no positions to cover",
                    "height, width and channels, or steps and channels",
                )
                raise InvalidOption.at(f"/to/{number}", message, expected, f"{len(shape) - 1} axes after the batch")
            shortest = min(shape[1:-1])
            if knobs.window > shortest:
                message = f"the window is larger than {address}"
                raise InvalidOption.at("/window", message, f"at most {shortest}", str(knobs.window))

    def rows(self, shapes: Mapping[str, Sequence[int]], knobs: OcclusionKnobs) -> Rows:
        """Return a score for each window of each address, and that of the item."""
        return Rows(0, 1 + sum(len(list(_corners(shape[1:-1], knobs))) for shape in shapes.values()))

    def explain(self, probe: Probe, knobs: OcclusionKnobs) -> Explained:
        """Return for each address the score of the item less that with a window covered, n × positions (float32)."""
        values = probe.values(probe.to)
        scores = probe.scores(probe.inputs, np.arange(probe.items))
        drops = {address: _drops(probe, address, values[address], scores, knobs) for address in probe.to}
        grids = {address: _grid(values[address].shape[1:-1], knobs) for address in probe.to}
        return Explained(drops, scores, {"windows": grids})


def _grid(lengths: Sequence[int], knobs: OcclusionKnobs) -> list[list[int]]:
    """Return where windows begin on each axis; the last ends where the axis does."""
    return [window_starts(length, knobs.window, knobs.stride) for length in lengths]


def _corners(lengths: Sequence[int], knobs: OcclusionKnobs) -> Iterator[tuple[int, ...]]:
    yield from product(*_grid(lengths, knobs))


def _drops(probe: Probe, address: str, values: Array, scores: Array, knobs: OcclusionKnobs) -> Array:
    lengths = values.shape[1:-1]
    rows = [scores[item] - _covered_scores(probe, address, values[item], item, knobs) for item in range(probe.items)]
    shape = [len(starts) for starts in _grid(lengths, knobs)]
    return np.stack(rows).reshape(probe.items, *shape).astype(np.float32)


def _covered_scores(probe: Probe, address: str, value: Array, item: int, knobs: OcclusionKnobs) -> Array:
    corners, parts = _corners(value.shape[:-1], knobs), []
    while chunk := list(islice(corners, CHUNK)):
        covered = np.repeat(value[None], len(chunk), axis=0)
        for row, corner in zip(covered, chunk, strict=True):
            row[tuple(slice(start, start + knobs.window) for start in corner)] = knobs.value
        parts.append(probe.scores(probe.rows_with({address: covered}, item), np.full(len(chunk), item)))
    return np.concatenate(parts)
