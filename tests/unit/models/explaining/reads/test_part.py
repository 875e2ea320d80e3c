"""Parts of tensors: unions, and what is known of them behind layers that read nothing at some places."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.explaining.reads.part import Part
from models.explaining.reads.registry import parts_of
from models.explaining.reads.rule import Reading
from models.layers import CATALOGUE


def part(*axes: list[int]) -> Part:
    """Return the part of these positions along axes of length 4."""
    return Part(tuple(np.isin(np.arange(4), own) for own in axes))


def read(kind: str, one: Part, shape: tuple[int, ...], **arguments: Any) -> Part:
    """Return what a layer with one input of this shape reads."""
    layer = CATALOGUE[kind].model_validate({"type": kind, **arguments})
    (found,) = parts_of(Reading(layer, one, (shape,), tuple(map(len, one.axes))))
    return found


def test_a_part_covers_what_lies_in_it() -> None:
    """The union with a bound inside it is as exact as it was."""
    whole, inside = part([0, 1, 2], [1, 2]), part([1], [2]).loosened([np.isin(np.arange(4), [1])] * 2)
    assert inside.extent == "upper_bound"
    assert whole.joined(inside) is whole is inside.joined(whole)


def test_parts_beside_each_other_are_a_product() -> None:
    """Where they differ along one axis; along two, some elements of the box are not read."""
    assert part([0], [1, 2]).joined(part([3], [1, 2])).is_product
    corner = part([0], [1]).joined(part([2], [3]))
    assert (corner.is_product, corner.extent, corner.box) == (False, "exact", [[0, 3], [1, 4]])


def test_a_union_is_a_bound_where_some_of_it_lies_in_the_padding() -> None:
    """One element lies left of the image and one above it: both read nothing, and positions along axes cannot tell."""
    left, above = (Part.of(index, (1, 4, 4, 1)) for index in ((0, 2, 0, 0), (0, 0, 2, 0)))
    both = left.joined(above)
    assert read("ZeroPadding2D", left, (1, 2, 2, 1)).is_empty
    found = read("ZeroPadding2D", both, (1, 2, 2, 1))
    assert (found.extent, found.box) == ("upper_bound", [[0, 1], [1, 2], [1, 2], [0, 1]])
    assert read("ZeroPadding2D", part([0], [1, 2], [1, 2], [0]), (4, 2, 2, 4)).extent == "exact"


def test_many_elements_of_another_shape_are_a_bound() -> None:
    """A part of a reshaped tensor of more than a million elements is not followed one by one."""
    half = Part((np.ones(1, bool), np.arange(2**22) % 2 == 0))
    found = read("Reshape", half, (1, 2**11, 2**11), target_shape=[2**22])
    assert (found.extent, found.box) == ("upper_bound", [[0, 1], [0, 2**11], [0, 2**11]])
    few = read("Reshape", part([0], [1, 2]), (4, 2, 2), target_shape=[4])
    assert (few.extent, few.is_product, few.box) == ("exact", False, [[0, 1], [0, 2], [0, 2]])
