"""Edit `project`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from models.errors import InvalidOption, shown
from models.explaining.edits.operation import Operation, Parsed, ReadNumbers


class Project(Operation):
    """Keeps of the channels at each position what lies along a vector (`onto`), or what does not (`off`)."""

    name = "project"
    takes_slice = False

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:
        """Parse the vector, of any length but 0, and the side that is kept."""
        if not isinstance(raw, Mapping) or set(raw) not in ({"onto"}, {"off"}):
            raise InvalidOption.at(
                pointer, "a projection keeps one side", '{"onto": vector} or {"off": vector}', shown(raw)
            )
        (side,) = raw
        vector = read(raw[side], f"{pointer}/{side}").astype(np.float64)
        length = float(np.linalg.norm(vector)) if vector.ndim == 1 else 0.0
        if not (np.isfinite(length) and length > 0):
            raise InvalidOption.at(
                f"{pointer}/{side}", "this is no direction", "a vector, not of zeros", shown(raw[side])
            )
        return Parsed({"side": side}, {"direction": vector / length})

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:
        """Return (x · v) v, or what it leaves of x."""
        direction = ops.cast(arrays["direction"], x.dtype)
        along = ops.sum(x * direction, axis=-1, keepdims=True) * direction
        return along if arguments["side"] == "onto" else x - along
