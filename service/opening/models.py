"""The files that belong to one model, and its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from models.files.signatures import START_BYTES, Role, kind_of
from models.limits import NAME
from models.weights.saved_model.packing import is_saved_model
from service.opening.failure import OpeningFailed
from service.options.field_names import IMAGE, LABELS, MODEL, WEIGHTS

DOCUMENTS = (".json",)
"""Endings of files that are a document or `to_json()`, with the weights in a file after them."""
TEXTS = (".txt",)
"""Endings of files that are the labels of the model before them."""
LATER = {LABELS: "labels follow", IMAGE: "pictures follow"}
"""Parts that come after a model, and the words that say so."""


def models_of(files: Sequence[Path]) -> list[dict[str, Path]]:
    """Return the files of each model by the part of a form: weights after a document are its own, as are labels and a
    picture after either.

    Raises:
        OpeningFailed: a file is not there, or labels or a picture have no model before them.
    """
    models: list[dict[str, Path]] = []
    for file in files:
        if not file.is_file() and not is_saved_model(file):
            what = "a folder, and no SavedModel" if file.is_dir() else "not there"
            raise OpeningFailed(f"{file} is {what}")
        part = _part_of(file)
        open_parts = models[-1] if models else {}
        if part in LATER and (not open_parts or part in open_parts):
            raise OpeningFailed(f"{file} has no model of its own: {LATER[part]} the file that they belong to")
        if part in LATER or (part == WEIGHTS and MODEL in open_parts and WEIGHTS not in open_parts):
            open_parts[part] = file
        else:
            models.append({part: file})
    return models


def _part_of(file: Path) -> str:
    """Return the part that a file is, by its ending; pictures are known by their bytes."""
    if file.suffix in DOCUMENTS or file.suffix in TEXTS:
        return MODEL if file.suffix in DOCUMENTS else LABELS
    if file.is_dir():
        return WEIGHTS
    with file.open("rb") as opened:
        kind = kind_of(opened.read(START_BYTES))
    return IMAGE if kind is not None and kind.role is Role.PICTURE else WEIGHTS


def name_of(file: Path) -> str:
    """Return the name under which a file is registered: its own, without its ending."""
    stem = file.resolve().name.split(".")[0]
    name = re.sub(r"[^A-Za-z0-9._-]", "-", stem).strip("-._")[:64]
    return name if NAME.fullmatch(name) else "model"
