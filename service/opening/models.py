"""The files that belong to one model, and its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from models.limits import NAME
from models.weights.saved_model.packing import is_saved_model
from service.opening.failure import OpeningFailed
from service.options.field_names import LABELS, MODEL, WEIGHTS

DOCUMENTS = (".json",)
"""Endings of files that are a document or `to_json()`, with the weights in a file after them."""
TEXTS = (".txt",)
"""Endings of files that are the labels of the model before them."""


def models_of(files: Sequence[Path]) -> list[dict[str, Path]]:
    """Return the files of each model by the part of a form: weights after a document are its own, as are labels after
    either.

    Raises:
        OpeningFailed: a file is not there, or labels have no model before them.
    """
    models: list[dict[str, Path]] = []
    for file in files:
        if not file.is_file() and not is_saved_model(file):
            what = "a folder, and no SavedModel" if file.is_dir() else "not there"
            raise OpeningFailed(f"{file} is {what}")
        part = MODEL if file.suffix in DOCUMENTS else LABELS if file.suffix in TEXTS else WEIGHTS
        open_parts = models[-1] if models else {}
        if part == LABELS and (not open_parts or LABELS in open_parts):
            raise OpeningFailed(f"{file} has no model of its own: labels follow the file that they belong to")
        if part == LABELS or (part == WEIGHTS and MODEL in open_parts and WEIGHTS not in open_parts):
            open_parts[part] = file
        else:
            models.append({part: file})
    return models


def name_of(file: Path) -> str:
    """Return the name under which a file is registered: its own, without its ending."""
    stem = file.resolve().name.split(".")[0]
    name = re.sub(r"[^A-Za-z0-9._-]", "-", stem).strip("-._")[:64]
    return name if NAME.fullmatch(name) else "model"
