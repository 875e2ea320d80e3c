"""Reader of Keras' JSON of any version: that of Keras 1 and 2 is rewritten in the form of Keras 3 first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.documents.notes import Note
from models.documents.source_map import SourceMap
from models.errors import InvalidDocument
from models.files.keras_versions import writer_of
from models.reading.keras_json import document_of
from models.reading.older_keras import modern_json


def read_keras(raw: dict[str, Any], pointer: str = "") -> tuple[dict[str, Any], SourceMap]:
    """Translate Keras' JSON to a document, not yet validated, and a map from its parts to their sources; `pointer` is
    where the JSON is in the payload.

    Raises:
        InvalidDocument: with every layer that is refused, and the program that wrote the file if that is an older one.
    """
    writer = writer_of(raw)
    if writer is None:
        return document_of(raw, pointer)
    note = f"This was written by {writer}."
    try:
        modern, moves = modern_json(raw, pointer)
    except InvalidDocument as error:
        raise InvalidDocument(note, error.problems) from None
    try:
        data, source_map = document_of(modern, pointer)
    except InvalidDocument as error:
        raise InvalidDocument(note, moves.remapped(error.problems)) from None
    notes = [*moves.notes, *(Note(moves.of(one.pointer), one.message) for one in source_map.notes)]
    return data, replace(source_map, source=moves, note=note, notes=notes)
