"""Method `smooth_grad`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from models.errors import InvalidOption
from models.explaining.methods.method import Explained, Knobs, Method, Rows
from models.explaining.probe import Probe
from models.explaining.warnings import gradient_warnings
from models.tensors.dtypes import FLOATS, Array


class SmoothGradKnobs(Knobs):
    """Options of smooth_grad."""

    samples: int = Field(32, ge=1, le=1024, description="Noisy copies of each item.")
    noise: float = Field(
        0.15,
        gt=0,
        le=10,
        allow_inf_nan=False,
        description="Standard deviation of the noise, of an input's range.",
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Of the noise.")


class SmoothGrad(Method):
    """The mean gradient over noisy copies of the inputs (Smilkov et al. 2017, arXiv:1706.03825)."""

    name = "smooth_grad"
    knobs = SmoothGradKnobs

    def rows(self, shapes: Mapping[str, Sequence[int]], knobs: SmoothGradKnobs) -> Rows:  # noqa: ARG002
        """Return one row with gradients a sample."""
        return Rows(knobs.samples)

    def explain(self, probe: Probe, knobs: SmoothGradKnobs) -> Explained:
        """Return the mean of d target / d address, of the address' shape and dtype; the target is that of the item."""
        if not any(array.dtype in FLOATS for array in probe.inputs.values()):
            message = "there is no input of floats to add noise to"
            raise InvalidOption.at("/method", message, "a network with an input of floats", "inputs of whole numbers")
        scores = probe.scores(probe.inputs, np.arange(probe.items))
        random = np.random.default_rng(knobs.seed)
        means = [_mean(probe, item, knobs, random) for item in range(probe.items)]
        gradients = {address: np.stack([mean[address] for mean in means]) for address in probe.to}
        return Explained(gradients, scores, warnings=gradient_warnings(gradients))


def _mean(probe: Probe, item: int, knobs: SmoothGradKnobs, random: np.random.Generator) -> Mapping[str, Array]:
    """Return the mean gradient of one item, summed in float64."""
    noisy = {name: _noisy(array[item], knobs, random) for name, array in probe.inputs.items()}
    found = probe.gradients(noisy, np.full(knobs.samples, item)).gradients
    return {address: one.mean(axis=0, dtype=np.float64).astype(one.dtype) for address, one in found.items()}


def _noisy(item: Array, knobs: SmoothGradKnobs, random: np.random.Generator) -> Array:
    """Return copies of an item with noise; whole numbers are repeated as they are."""
    copies = np.repeat(item[None], knobs.samples, axis=0)
    if item.dtype not in FLOATS or not item.size:
        return copies
    deviation = knobs.noise * (float(item.max()) - float(item.min()))
    return (copies + random.normal(0.0, deviation, copies.shape)).astype(item.dtype)
