"""Edit `noise`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from models.errors import InvalidOption, shown
from models.explaining.edits.operation import Operation, Parsed, ReadNumbers, integer, members
from models.tensors.dtypes import Array

MAX_SEED = 2**32 - 1


class Noise(Operation):
    """Adds Gaussian noise, drawn by NumPy's default generator from a seed, for all values in their order."""

    name = "noise"

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:  # noqa: ARG002
        """Parse the standard deviation and the seed."""
        given = members(raw, {"std": True, "seed": False}, pointer)
        deviation, seed = given["std"], integer(given.get("seed", 0), 0, MAX_SEED, f"{pointer}/seed")
        is_number = isinstance(deviation, int | float) and not isinstance(deviation, bool)
        if not (is_number and math.isfinite(deviation) and deviation >= 0):
            raise InvalidOption.at(f"{pointer}/std", "this is no deviation", "a number of at least 0", shown(deviation))
        return Parsed(operands={"std": np.asarray(float(deviation)), "seed": np.asarray(seed)})

    def arrays(self, shape: tuple[int, ...], parsed: Parsed) -> Mapping[str, Array]:
        """Return the noise."""
        random = np.random.default_rng(int(parsed.operands["seed"]))
        return {"noise": random.normal(0.0, float(parsed.operands["std"]), shape)}

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:  # noqa: ARG002
        """Return the sums."""
        noise = ops.cast(arrays["noise"], x.dtype)
        return ops.where(noise == 0, x, x + noise)
