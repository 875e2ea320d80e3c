"""Where each part of a document stands in what was sent, so that errors point into that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from models.errors import LayerscopeError, Problem

E = TypeVar("E", bound=LayerscopeError)


@dataclass(frozen=True)
class SourceMap:
    """From JSON pointers into a document to pointers into what it was made of; without entries, both are the same.

    `own` is where a part stands, `children` where what lies in it begins: an object's fields may lie deeper in what
    was sent. Either speaks for everything below that has no entry of its own.
    """

    own: dict[str, str] = field(default_factory=dict)
    children: dict[str, str] = field(default_factory=dict)

    def of(self, pointer: str) -> str:
        """The place in what was sent that `pointer` leads to."""
        if pointer in self.own:
            return self.own[pointer]
        head = pointer
        while head and head not in self.children and head not in self.own:
            head = head.rpartition("/")[0]
        return self.children.get(head, self.own.get(head, "")) + pointer[len(head) :]

    def remapped(self, problems: Iterable[Problem]) -> list[Problem]:
        """The same problems, seen in what was sent."""
        return [replace(problem, pointer=self.of(problem.pointer)) for problem in problems]

    def remap(self, error: E) -> E:
        """The same error with every pointer into what was sent."""
        return type(error)(error.detail, self.remapped(error.problems))


IDENTITY = SourceMap()
"""For a document that was sent as it is."""
LIST_ALONE = SourceMap({"/layers": ""})
"""For one that was sent as its list of layers."""
