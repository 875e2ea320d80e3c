"""Edit `clamp`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from models.errors import InvalidOption, shown
from models.explaining.edits.operation import Operation, Parsed, ReadNumbers


class Clamp(Operation):
    """Limits values to a range."""

    name = "clamp"

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:
        """Parse `[low, high]`."""
        if not isinstance(raw, list) or len(raw) != 2:
            raise InvalidOption.at(pointer, "a range has two ends", "[low, high]", shown(raw))
        low, high = read(raw[0], f"{pointer}/0"), read(raw[1], f"{pointer}/1")
        if low.ndim or high.ndim or not low <= high:
            raise InvalidOption.at(pointer, "the ends are two numbers, the lower first", "[low, high]", shown(raw))
        return Parsed(operands={"low": np.asarray(low), "high": np.asarray(high)})

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:  # noqa: ARG002
        """Return the values within the range; NaN stays."""
        low, high = ops.cast(arrays["low"], x.dtype), ops.cast(arrays["high"], x.dtype)
        return ops.where(x < low, low, ops.where(x > high, high, x))
