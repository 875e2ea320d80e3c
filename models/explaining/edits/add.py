"""Edit `add`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from models.explaining.edits.operation import Operation, Parsed, ReadNumbers


class Add(Operation):
    """Adds to values."""

    name = "add"

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:
        """Parse what is added."""
        return Parsed(operands={"value": read(raw, pointer)})

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:  # noqa: ARG002
        """Return the sums; nothing added changes no bit, which -0.0 + 0.0 would."""
        value = ops.cast(arrays["value"], x.dtype)
        return ops.where(value == 0, x, x + value)
