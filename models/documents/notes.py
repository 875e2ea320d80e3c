"""Notes on a document that was accepted: what in it was read as something else than it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_NOTES = 20
"""Notes listed in one reply."""
STATEFUL = "stateful is read as false: every request starts from states of zero"


@dataclass(frozen=True, slots=True)
class Note:
    """A JSON pointer, and what a reader of the reply should know of what is there."""

    pointer: str
    message: str

    def under(self, prefix: str) -> Note:
        """Return the same note with its pointer prefixed, as seen from an enclosing document."""
        return Note(prefix + self.pointer, self.message)


def notes_json(notes: Iterable[Note]) -> dict[str, Any]:
    """Return the key `notes` of a reply; nothing without notes."""
    listed = [{"pointer": note.pointer, "message": note.message} for note in notes]
    return {"notes": listed[:MAX_NOTES]} if listed else {}


def stateful_notes(layers: Iterable[Any], pointer: str = "/layers") -> Iterator[Note]:
    """Yield a note on each recurrent layer of a valid document in JSON that says it is stateful, at any depth."""
    for number, layer in enumerate(layers):
        yield from _notes_of(layer, f"{pointer}/{number}")


def _notes_of(layer: Any, pointer: str) -> Iterator[Note]:
    if not isinstance(layer, Mapping):
        return
    if layer.get("stateful") is True:
        yield Note(f"{pointer}/stateful", STATEFUL)
    for field in ("layer", "backward_layer"):
        yield from _notes_of(layer.get(field), f"{pointer}/{field}")
    held = layer.get("layers")
    yield from stateful_notes(held if isinstance(held, list) else (), f"{pointer}/layers")
