"""Source map of a document: pointers into the JSON it was made from, so that errors point into the request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from models.documents.notes import Note
from models.errors import LayerscopeError, Problem

E = TypeVar("E", bound=LayerscopeError)


@dataclass(frozen=True)
class SourceMap:
    """Mapping from JSON pointers into a document to pointers into its source; without entries, the identity.

    `own` maps a part itself, `children` its members: an object's fields may be nested deeper in the source. Either
    applies to everything below that has no entry of its own.
    """

    own: dict[str, str] = field(default_factory=dict)
    children: dict[str, str] = field(default_factory=dict)
    source: SourceMap | None = None
    """The source map of the source itself, if that was rewritten before."""
    note: str = ""
    """What errors say of the source as a whole, such as the program that wrote it."""
    notes: list[Note] = field(default_factory=list)
    """What was read as something else than the source says, with pointers into the source."""

    def of(self, pointer: str) -> str:
        """Return the pointer into the source for `pointer`, or into the source of that."""
        found = self._of(pointer)
        return found if self.source is None else self.source.of(found)

    def _of(self, pointer: str) -> str:
        if pointer in self.own:
            return self.own[pointer]
        head = pointer
        while head and head not in self.children and head not in self.own:
            head = head.rpartition("/")[0]
        return self.children.get(head, self.own.get(head, "")) + pointer[len(head) :]

    def keep(self, pointer: str) -> None:
        """Map a part of the document to the same place in the source, and in the source of that."""
        self.own[pointer] = pointer
        if self.source is not None:
            self.source.keep(pointer)

    def remapped(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return the problems with pointers into the source."""
        return [replace(problem, pointer=self.of(problem.pointer)) for problem in problems]

    def remap(self, error: E) -> E:
        """Return a copy of the error with pointers into the source, and the note on it."""
        is_summary = bool(error.problems) and error.detail == error.problems[0].message
        detail = self.note if self.note and is_summary else error.detail
        return type(error)(detail, self.remapped(error.problems))


IDENTITY = SourceMap()
"""Source map of a document that was sent as such."""
LIST_ALONE = SourceMap({"/layers": ""})
"""Source map of a document that was sent as a bare list of layers."""
