"""Protocol of the operations of edits: what becomes of a tensor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

from models.errors import InvalidOption, shown
from models.tensors.dtypes import Array

ReadNumbers = Callable[[Any, str], Array]
"""Reads a number, nested numbers or `{"tensor": name}` at a pointer, as an array."""


@dataclass(frozen=True)
class Parsed:
    """An operation with its arguments: those that shape the computation, and arrays that only enter it."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    operands: Mapping[str, Array] = field(default_factory=dict)


class Operation(ABC):
    """One operation. It is computed with `ops`, a module with Keras' operations, compiled with the network."""

    name: ClassVar[str]
    takes_slice: ClassVar[bool] = True
    """Whether it can act on a slice: what it does with a value does not depend on others."""

    @abstractmethod
    def parse(self, raw: Any, read: ReadNumbers, pointer: str) -> Parsed:
        """Parse the value of its field.

        Raises:
            InvalidOption: it is none.
        """

    def arrays(self, shape: tuple[int, ...], parsed: Parsed) -> Mapping[str, Array]:  # noqa: ARG002
        """Return the arrays that enter the computation on a tensor of this shape, the batch first."""
        return parsed.operands

    @abstractmethod
    def apply(self, x: Any, arrays: Mapping[str, Any], arguments: Mapping[str, Any], ops: ModuleType) -> Any:
        """Return what becomes of a tensor, of its shape."""


def require_true(raw: Any, name: str, pointer: str) -> None:
    """Raise InvalidOption unless the value of a field is true."""
    if raw is not True:
        raise InvalidOption.at(pointer, f"{name} is asked for with true", "true", shown(raw))


def members(raw: Any, known: Mapping[str, bool], pointer: str) -> Mapping[str, Any]:
    """Return an object whose keys are known; `known` says of each whether it must be there.

    Raises:
        InvalidOption: it is another value, or has other keys.
    """
    keys = ", ".join(known)
    if not isinstance(raw, Mapping) or set(raw) - set(known) or any(known[key] and key not in raw for key in known):
        raise InvalidOption.at(pointer, "this is no argument of the edit", f"an object with {keys}", shown(raw))
    return raw


def integer(raw: Any, low: int, high: int, pointer: str) -> int:
    """Return an integer within bounds; raise InvalidOption for any other value."""
    if isinstance(raw, bool) or not isinstance(raw, int) or not low <= raw <= high:
        raise InvalidOption.at(pointer, "this is no number of the edit", f"an integer from {low} to {high}", shown(raw))
    return raw
