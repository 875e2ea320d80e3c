"""Errors of a layer's arguments: alone, inside validators, and with the shapes of its inputs."""

from pydantic_core import PydanticCustomError


class LayerFault(Exception):
    """An argument of a layer that does not fit the shapes of its inputs."""

    def __init__(self, field: str, message: str, expected: str, received: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.field, self.message, self.expected = field, message, expected
        self.received, self.suggestion = received, suggestion


def fault(code: str, message: str, expected: str, suggestion: str | None = None) -> PydanticCustomError:
    """Build an error of one or several fields, for use inside validators."""
    return PydanticCustomError(code, message, {"expected": expected, "suggestion": suggestion})
