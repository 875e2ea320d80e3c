"""Columns of views: the shapes that a view really has, and which views need a run for each input."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.networks.view_selection import PARSERS
from models.views.view import View
from service.extracting.columns import check_units, columns_of, is_of_whole_batches
from service.extracting.failure import ExtractionFailed, WrongOption

SHAPE = (1, 6, 5, 4)
ALONE = [
    {"histogram": "8,-2,2"}, {"dtype": "uint8"}, {"slice": "0, ..., 1:3"}, {"slice": "0:1"}, {"reduce": "mean@n"},
    {"reduce": "mean@n,h,w"}, {"slice": "0, :, :, :", "dtype": "uint8"},
]  # fmt: skip
TOGETHER = [
    {}, {"slice": ":, 2:4, :, 3"}, {"slice": "..., 1:3"}, {"reduce": "mean@h,w"}, {"reduce": "max@c"}, {"top": 2},
    {"reduce": "mean@h,w", "top": 3, "dtype": "float16"}, {"dtype": "float64"}, {"slice": "0::1"},
]  # fmt: skip


def view_of(options: dict[str, Any]) -> View:
    """Return the view of these options."""
    return View(**{name: PARSERS[name](value, f"/{name}") for name, value in options.items()})


def planned(view: View | None, shape: tuple[int | None, ...] = SHAPE, address: str = "a") -> Any:
    """Return what is planned of one layer."""
    rows = [{"address": address, "shape": shape, "dtype": "float32"}]
    return SimpleNamespace(plan={"layers": rows}, views={} if view in (None, View()) else {address: view})


@pytest.mark.parametrize("options", [*ALONE, *TOGETHER], ids=str)
def test_columns_have_the_shapes_of_views(options: dict[str, Any]) -> None:
    """Of a batch, with a row for each input; where inputs run alone, of one, whose batch may be gone."""
    view, is_alone = view_of(options), options in ALONE
    assert is_of_whole_batches(view, SHAPE, "float32", "a") == is_alone
    batch = np.random.default_rng(2).normal(size=(1 if is_alone else 3, *SHAPE[1:])).astype(np.float32)
    members = view.apply(batch, "a").members
    columns = columns_of(planned(view))
    assert {column.name for column in columns} == {f"a{suffix}" for suffix in members}
    for column in columns:
        member = members[column.name.removeprefix("a")]
        assert member.shape == ((len(batch), *column.shape) if column.has_batch else column.shape)
        assert member.dtype == column.written
        assert column.is_tensor == (column.name == "a" and options.get("dtype") != "uint8")


def test_rows_of_several_shapes() -> None:
    """Are refused, with what to write instead."""
    with pytest.raises(ExtractionFailed, match=r'a has the shape \(1, \?, 5, 4\).*"input" fixed sizes'):
        columns_of(planned(None, (1, None, 5, 4)))


@pytest.mark.parametrize("address", ["files", "index", "valid"])
def test_names_that_are_taken(address: str) -> None:
    """Are refused: the files would have two arrays of one name."""
    with pytest.raises(ExtractionFailed, match=f"two arrays would be called {address}"):
        columns_of(planned(None, address=address))


def test_tables_are_of_tensors() -> None:
    """Neither of counts nor of indices, nor of more channels than there can be histograms of."""
    check_units(columns_of(planned(view_of({"reduce": "mean@h,w"}))), 3, True)
    check_units(columns_of(planned(view_of({"histogram": 4}))), 0, False)
    with pytest.raises(WrongOption, match="a is written as a:values"):
        check_units(columns_of(planned(view_of({"top": 2}))), 3, False)
    with pytest.raises(WrongOption, match="a has 70,000 channels; expected at most 65,536"):
        check_units(columns_of(planned(None, (1, 70_000))), 0, True)
