"""Class labels of a tensor after its view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.views.slicing import SliceRange
from models.views.tensor_type import type_of_output
from models.views.view import View

Names = Sequence[str]
"""The names of units, by index."""
NO_LABELS: Mapping[str, Names] = {}
"""Those of the tensors of a network without labels, by address."""


class ViewLabels(NamedTuple):
    """Names by index: of the units along the last axis of the result, or of those that its values are indices of."""

    along: Names | None = None
    of_values: Names | None = None


def labels_after(view: View | None, names: Names, shape: tuple[int, ...]) -> ViewLabels:
    """Return the labels after the slice and the reduction of a view; `shape` is that of the whole tensor, whose last
    axis has the units, `names` theirs.
    """
    if view is None:
        return ViewLabels(names)
    part = SliceRange() if view.slice is None else view.slice.last_part(len(shape))
    if not isinstance(part, SliceRange):
        return ViewLabels()
    kept = names[slice(part.start, part.stop, part.step)]
    if view.reduce is None or type_of_output(shape, "float32").axes[-1] not in view.reduce.axes:
        return ViewLabels(kept)
    return ViewLabels(of_values=kept if view.reduce.function == "argmax" else None)
