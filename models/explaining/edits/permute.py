"""Edit `permute`."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from types import ModuleType
from typing import Any

import numpy as np

from models.explaining.edits.operation import Operation, Parsed, ReadNumbers, integer, members
from models.tensors.dtypes import Array

MAX_SEED = 2**32 - 1


class Permute(Operation):
    """Shuffles the positions within each channel, each channel in its own way, every item alike."""

    name = "permute"
    takes_slice = False

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:  # noqa: ARG002
        """Parse the seed."""
        given = members(raw, {"seed": False}, pointer)
        return Parsed(operands={"seed": np.asarray(integer(given.get("seed", 0), 0, MAX_SEED, f"{pointer}/seed"))})

    def arrays(self, shape: tuple[int, ...], parsed: Parsed) -> Mapping[str, Array]:
        """Return for each position and channel the position that its value comes from."""
        random, positions = np.random.default_rng(int(parsed.operands["seed"])), prod(shape[1:-1])
        order = np.tile(np.arange(positions, dtype=np.int32)[:, None], (1, shape[-1]))
        return {"order": random.permuted(order, axis=0)}

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:  # noqa: ARG002
        """Return the shuffled tensor."""
        order = ops.cast(arrays["order"], "int32")
        flat = ops.reshape(x, (-1, order.shape[0] or ops.shape(order)[0], x.shape[-1]))
        return ops.reshape(ops.take_along_axis(flat, order[None], axis=1), ops.shape(x))
