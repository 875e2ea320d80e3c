"""Edit `patch`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from models.explaining.edits.operation import Operation, Parsed, ReadNumbers, integer, members

MAX_ITEM = 2**31 - 1


class Patch(Operation):
    """Replaces values by those of an item of the batch."""

    name = "patch"

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:  # noqa: ARG002
        """Parse the item. Values of a run on another input are set instead, once that has run."""
        given = members(raw, {"item": True}, pointer)
        item = integer(given["item"], 0, MAX_ITEM, f"{pointer}/item")
        return Parsed({}, {"item": np.asarray(item, np.int32)})

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:  # noqa: ARG002
        """Return the item for every item."""
        item = ops.take(x, ops.cast(arrays["item"], "int32"), axis=0)
        return ops.broadcast_to(item[None], ops.shape(x))
