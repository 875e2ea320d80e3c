"""Edit `scale`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from models.explaining.edits.operation import Operation, Parsed, ReadNumbers


class Scale(Operation):
    """Multiplies values."""

    name = "scale"

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:
        """Parse the factors."""
        return Parsed(operands={"value": read(raw, pointer)})

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:  # noqa: ARG002
        """Return the products."""
        return x * ops.cast(arrays["value"], x.dtype)
