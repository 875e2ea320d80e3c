"""Method `input_x_gradient`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.explaining.methods.method import Explained, Method, Rows
from models.explaining.probe import Probe
from models.explaining.warnings import gradient_warnings


class InputXGradient(Method):
    """Each value times the gradient there (Shrikumar et al. 2017, arXiv:1605.01713)."""

    name = "input_x_gradient"

    def rows(self, shapes: Mapping[str, Sequence[int]], knobs: Any) -> Rows:  # noqa: ARG002
        """Return one row with gradients."""
        return Rows(1)

    def explain(self, probe: Probe, knobs: Any) -> Explained:  # noqa: ARG002
        """Return value × d target / d address, of the address' shape and dtype."""
        found = probe.gradients()
        products = {address: found.values[address] * gradient for address, gradient in found.gradients.items()}
        return Explained(products, found.scores, warnings=gradient_warnings(found.gradients))
