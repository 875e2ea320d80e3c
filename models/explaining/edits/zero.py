"""Edit `zero`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from models.explaining.edits.operation import Operation, Parsed, ReadNumbers, require_true


class Zero(Operation):
    """Sets values to 0."""

    name = "zero"

    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:  # noqa: ARG002
        """Parse `true`."""
        require_true(raw, self.name, pointer)
        return Parsed()

    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:  # noqa: ARG002
        """Return zeros."""
        return ops.zeros_like(x)
