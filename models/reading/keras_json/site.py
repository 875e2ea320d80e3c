"""A pair of locations while Keras' JSON is translated: where it is read, and where its translation is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.documents.notes import Note
from models.documents.source_map import SourceMap
from models.errors import InvalidDocument, shown
from models.errors.problem import pointer_to


@dataclass(frozen=True)
class Site:
    """`theirs` is a pointer into Keras' JSON, `ours` into the document that is being written."""

    ours: str
    theirs: str
    source_map: SourceMap

    def at(self, *path: str | int) -> Site:
        """Return the site below `path` in both."""
        return Site(self.ours + pointer_to(path), self.theirs + pointer_to(path), self.source_map)

    def reading(self, *path: str | int) -> Site:
        """Return the site below `path` of what is read; nothing is written there yet."""
        return Site(self.ours, self.theirs + pointer_to(path), self.source_map)

    def writing(self, *path: str | int) -> Site:
        """Record that what is read here is written under `path`."""
        ours = self.ours + pointer_to(path)
        self.source_map.own[ours] = self.theirs
        return Site(ours, self.theirs, self.source_map)

    def into(self, other: Site, *path: str | int) -> Site:
        """Record that what is read here is written under `path` of where `other` writes."""
        return Site(other.ours, self.theirs, self.source_map).writing(*path)

    def opened(self, *path: str | int) -> Site:
        """Return a site for the same object, whose fields are read below `path`."""
        inner = self.theirs + pointer_to(path)
        self.source_map.own[self.ours], self.source_map.children[self.ours] = self.theirs, inner
        return Site(self.ours, inner, self.source_map)

    def note(self, message: str) -> None:
        """Note that the value read here is read as something else than it says."""
        self.source_map.notes.append(Note(self.theirs, message))

    def refusal(self, message: str, expected: str, received: str, suggestion: str | None = None) -> InvalidDocument:
        """Return the error of the value read here."""
        return InvalidDocument.at(self.theirs, message, expected=expected, received=received, suggestion=suggestion)

    def object(self, value: Any, what: str) -> dict[str, Any]:
        """Return `value` if it is an object."""
        if isinstance(value, dict):
            return value
        raise self.refusal(f"{what} should be an object", "an object", shown(value))

    def array(self, value: Any, what: str) -> list[Any]:
        """Return `value` if it is an array."""
        if isinstance(value, list):
            return value
        raise self.refusal(f"{what} should be an array", "an array", shown(value))

    def text(self, value: Any, what: str) -> str:
        """Return `value` if it is a string."""
        if isinstance(value, str):
            return value
        raise self.refusal(f"{what} should be a string", "a string", shown(value))
