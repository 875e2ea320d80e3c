"""Labels after a view are those of the elements that the view leaves, as NumPy finds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.views.labels import labels_after
from models.views.reduction import parse_reduction
from models.views.slicing import parse_slice
from models.views.view import View

NAMES = [f"unit {number}" for number in range(6)]


def view_of(slice: str | None = None, reduce: str | None = None) -> View:
    """Build a view."""
    return View(slice and parse_slice(slice, "/slice"), reduce and parse_reduction(reduce, "/reduce"))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(2, 6), (2, 3, 6), (1, 2, 3, 6), (1, 2, 1, 2, 2, 6)])
@pytest.mark.parametrize("slice", ["...", "...,1:4", "..., ::-2", "0", ":, ...", "0, ..., -3:", "...,5", "...,-1"])
def test_slices(shape: tuple[int, ...], slice: str) -> None:
    """Each unit of the last axis holds its own number; what NumPy leaves of them is named."""
    units = np.broadcast_to(np.arange(6), shape)
    view = view_of(slice)
    assert view.slice is not None
    left = view.slice.apply(units)
    labels = labels_after(view, NAMES, shape)
    if left.ndim and left.shape[-1:] != () and len(np.unique(left)) > 1:
        assert list(labels.along or ()) == [NAMES[unit] for unit in left.reshape(-1, left.shape[-1])[0]]
    else:
        assert labels.along is None


@pytest.mark.parametrize(
    ("options", "along", "of_values"),
    [
        ({}, NAMES, None),
        ({"reduce": "mean@n"}, NAMES, None),
        ({"reduce": "max@h,w"}, NAMES, None),
        ({"reduce": "argmax@h"}, NAMES, None),
        ({"reduce": "mean@c"}, None, None),
        ({"reduce": "max@w,c"}, None, None),
        ({"reduce": "argmax@c"}, None, NAMES),
        ({"reduce": "argmax@c", "slice": "..., 2:4"}, None, NAMES[2:4]),
        ({"reduce": "mean@n", "slice": "..., 2:4"}, NAMES[2:4], None),
        ({"reduce": "mean@n", "slice": "..., 2"}, None, None),
    ],
)
def test_reductions(options: Any, along: Any, of_values: Any) -> None:
    """Over other axes they keep the units; argmax over the units returns their indices."""
    assert labels_after(view_of(**options), NAMES, (2, 3, 4, 6)) == (along, of_values)


def test_without_a_view() -> None:
    """All of them."""
    assert labels_after(None, NAMES, (1, 6)).along is NAMES
