"""Method `integrated_gradients`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from models.errors import InvalidOption
from models.explaining.methods.method import Explained, Knobs, Method, Rows
from models.explaining.paths import baseline_of, gauss_legendre
from models.explaining.probe import Probe
from models.explaining.warnings import FEW_STEPS, FEW_STEPS_DELTA, gradient_warnings
from models.networks.network import PRE
from models.tensors.dtypes import Array

BASELINE_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "string", "enum": ["zero", "mean", "blur"]}, {"type": "number"},
                             {"type": "array", "items": {}}, {"type": "null"}]}  # fmt: skip


class IntegratedGradientsKnobs(Knobs):
    """Options of integrated_gradients."""

    steps: int = Field(50, ge=1, le=1000, description="Points of the path, those of Gauss and Legendre.")
    baseline: Any = Field(
        "zero", description="Where the path begins: `zero`, `mean`, `blur`, a number, or an item of numbers.",
        json_schema_extra={**BASELINE_SCHEMA},
    )  # fmt: skip


class ItemPath(NamedTuple):
    """The attributions of one item by address, and the scores of the item and of its baseline."""

    attributions: Mapping[str, Array]
    score: float
    baseline_score: float


class IntegratedGradients(Method):
    """The mean gradient on a straight path from a baseline, times its length (Sundararajan 2017, arXiv:1703.01365)."""

    name = "integrated_gradients"
    knobs = IntegratedGradientsKnobs

    def rows(self, shapes: Mapping[str, Sequence[int]], knobs: IntegratedGradientsKnobs) -> Rows:  # noqa: ARG002
        """Return one row with gradients a step, and the two ends of the path."""
        return Rows(knobs.steps, 2)

    def explain(self, probe: Probe, knobs: IntegratedGradientsKnobs) -> Explained:
        """Return attributions of the address' shape and dtype. They sum to the difference of the scores of item and
        baseline but for `delta`. The path moves the addresses together where all are inputs; an address inside the
        network has a path of its own, of what it returns.
        """
        _check(probe)
        ends = probe.values(probe.to)
        paths = [_item_path(probe, ends, item, knobs) for item in range(probe.items)]
        attributions = {address: np.stack([path.attributions[address] for path in paths]) for address in probe.to}
        facts = _completeness(paths)
        scores = np.array([path.score for path in paths])
        few = [item for item, delta in enumerate(facts["relative_delta"]) if not abs(delta) <= FEW_STEPS_DELTA]
        warnings = [{"warning": FEW_STEPS, "items": few, "relative_delta": [facts["relative_delta"][i] for i in few]}]
        return Explained(attributions, scores, facts, [*(warnings if few else []), *gradient_warnings(attributions)])


def _check(probe: Probe) -> None:
    """Refuse addresses that have no common path."""
    inside = [number for number, address in enumerate(probe.to) if address not in probe.inputs]
    if inside and len(probe.to) > 1:
        message, expected = "each address inside the network has a path of its own", "inputs, or one address"
        received = f"{len(probe.to)} addresses"
        raise InvalidOption.at(f"/to/{inside[0]}", message, expected, received, "ask for one at a time")
    if inside and probe.to[0].endswith(PRE):
        advice = f'write "{probe.to[0].removesuffix(PRE)}"'
        message = "there is no path of what goes into a fused activation"
        raise InvalidOption.at("/to/0", message, "what a layer returns", probe.to[0], advice)


def _item_path(probe: Probe, ends: Mapping[str, Array], item: int, knobs: IntegratedGradientsKnobs) -> ItemPath:
    starts = {address: baseline_of(ends[address][item], knobs.baseline) for address in probe.to}
    steps = {address: ends[address][item].astype(np.float64) - start for address, start in starts.items()}
    points, weights = gauss_legendre(knobs.steps)
    path = {address: _points(starts[address], steps[address], points) for address in probe.to}
    gradients = probe.gradients(probe.rows_with(path, item), np.full(len(points), item)).gradients
    means = {address: np.tensordot(weights, one.astype(np.float64), 1) for address, one in gradients.items()}
    attributions = {address: (steps[address] * means[address]).astype(starts[address].dtype) for address in probe.to}
    both = {address: np.stack([ends[address][item], starts[address]]) for address in probe.to}
    score, baseline_score = probe.scores(probe.rows_with(both, item), np.full(2, item)).tolist()
    return ItemPath(attributions, score, baseline_score)


def _points(start: Array, step: Array, points: Array) -> Array:
    """Return the points of a path as rows, in the dtype of the item."""
    shape = (-1, *([1] * start.ndim))
    return np.asarray(start + points.reshape(shape) * step, start.dtype)


def _completeness(paths: Sequence[ItemPath]) -> dict[str, Any]:
    """Return by how much the attributions of each item miss the difference of the scores, also as a share of it."""
    sums = [sum(float(one.sum(dtype=np.float64)) for one in path.attributions.values()) for path in paths]
    differences = [path.score - path.baseline_score for path in paths]
    deltas = [total - difference for total, difference in zip(sums, differences, strict=True)]
    relative = [delta / abs(difference) if difference else (0.0 if delta == 0 else float("inf"))
                for delta, difference in zip(deltas, differences, strict=True)]  # fmt: skip
    return {"baseline_scores": [path.baseline_score for path in paths], "delta": deltas, "relative_delta": relative}
