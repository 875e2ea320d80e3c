"""Method `gradient`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.explaining.methods.method import Explained, Method, Rows
from models.explaining.probe import Probe
from models.explaining.warnings import gradient_warnings


class Gradient(Method):
    """How much the target changes with each value, signed (Simonyan et al. 2014, arXiv:1312.6034)."""

    name = "gradient"

    def rows(self, shapes: Mapping[str, Sequence[int]], knobs: Any) -> Rows:  # noqa: ARG002
        """Return one row with gradients."""
        return Rows(1)

    def explain(self, probe: Probe, knobs: Any) -> Explained:  # noqa: ARG002
        """Return d target / d address, of the address' shape and dtype."""
        found = probe.gradients()
        return Explained(found.gradients, found.scores, warnings=gradient_warnings(found.gradients))
