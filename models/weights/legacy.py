"""Detection of HDF5 files in Keras' format before .weights.h5, by the paths of their datasets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from models.errors import Problem, shown

WHOLE = "model_weights/"
"""Prefix of the datasets of whole models."""
KERAS_2 = ":0"
"""Suffix of variable names in Keras 1 and 2."""
RESAVE = "in Keras 3: model.load_weights('….h5'), then model.save_weights('….weights.h5')"


def legacy_form(paths: Collection[str]) -> str | None:
    """Describe the legacy format of a file; None for .weights.h5."""
    if any(path.startswith(WHOLE) for path in paths):
        writer = "of Keras 1 or 2 " if any(path.endswith(KERAS_2) for path in paths) else ""
        return f"a whole model in HDF5, as model.save('….h5') {writer}writes it"
    if any(path.endswith(KERAS_2) for path in paths):
        return "weights in the HDF5 of Keras 1 or 2"
    return None


def legacy_problem(tensors: Mapping[str, object], pointer: str) -> Problem | None:
    """Return the problem of a legacy file as weights, with how to convert it in Keras; None for .weights.h5."""
    form = legacy_form(tensors)
    if form is None:
        return None
    first = shown(min(tensors, default=""))
    return Problem(
        pointer, f"this file holds {form}", "a .weights.h5 file as Keras 3 writes it", f"{first} and so on", RESAVE
    )
