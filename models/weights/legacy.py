"""HDF5 files in the form that Keras had before .weights.h5: known by the paths of their datasets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from models.errors import Problem, shown

WHOLE = "model_weights/"
"""How the datasets of whole models begin."""
KERAS_2 = ":0"
"""How Keras 1 and 2 end the names of variables."""
RESAVE = "in Keras 3: model.load_weights('….h5'), then model.save_weights('….weights.h5')"


def legacy_form(paths: Collection[str]) -> str | None:
    """What wrote such a file; None for .weights.h5."""
    if any(path.startswith(WHOLE) for path in paths):
        writer = "of Keras 1 or 2 " if any(path.endswith(KERAS_2) for path in paths) else ""
        return f"a whole model in HDF5, as model.save('….h5') {writer}writes it"
    if any(path.endswith(KERAS_2) for path in paths):
        return "weights in the HDF5 of Keras 1 or 2"
    return None


def legacy_problem(tensors: Mapping[str, object], pointer: str) -> Problem | None:
    """The one problem of such a file as weights; what was done to it can be undone in Keras."""
    form = legacy_form(tensors)
    if form is None:
        return None
    first = shown(min(tensors, default=""))
    return Problem(
        pointer, f"this file holds {form}", "a .weights.h5 file as Keras 3 writes it", f"{first} and so on", RESAVE
    )
