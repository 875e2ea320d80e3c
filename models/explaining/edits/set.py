"""Edit `set`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from models.explaining.edits.operation import Operation, Parsed, ReadNumbers


class Set(Operation):
    """Replaces values by others."""

    name = "set"

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:
        """Parse the values."""
        return Parsed(operands={"value": read(raw, pointer)})

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:  # noqa: ARG002
        """Return the values."""
        return ops.broadcast_to(ops.cast(arrays["value"], x.dtype), ops.shape(x))
