"""What is wrong with one field."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field: where, what was expected, what came, what to write instead."""

    pointer: str
    message: str
    expected: str | None = None
    received: str | None = None
    suggestion: str | None = None

    def under(self, prefix: str) -> Problem:
        """The same problem seen from an enclosing document."""
        return Problem(prefix + self.pointer, self.message, self.expected, self.received, self.suggestion)
