"""Edit `mean`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from models.errors import InvalidOption, shown
from models.explaining.edits.operation import Operation, Parsed, ReadNumbers

OVER = ("batch", "positions", "channels")


class Mean(Operation):
    """Replaces values by their mean: over the batch, over the positions of each channel, or over the channels."""

    name = "mean"
    takes_slice = False

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:  # noqa: ARG002
        """Parse what it is taken over."""
        if raw not in OVER:
            raise InvalidOption.at(
                pointer, "a mean is taken over one of three", f"one of {', '.join(OVER)}", shown(raw)
            )
        return Parsed({"over": raw})

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:  # noqa: ARG002
        """Return means, repeated; a tensor without positions is its own mean over them."""
        axes = {"batch": (0,), "positions": tuple(range(1, len(x.shape) - 1)), "channels": (len(x.shape) - 1,)}
        over = axes[arguments["over"]]
        if not over or (over == (0,) and arguments["over"] == "channels"):
            return x
        return ops.broadcast_to(ops.mean(x, axis=over, keepdims=True), ops.shape(x))
