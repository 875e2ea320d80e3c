"""The view of one layer: the types of its result before the tensor is computed, and its application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from models.errors import InvalidOption
from models.tensors.dtypes import Array
from models.views.casting import Cast
from models.views.histogram import Histogram
from models.views.reduction import Reduction
from models.views.slicing import SliceView
from models.views.tensor_type import TensorType, type_of_output
from models.views.top import Top

MAIN = ""
"""The suffix of the member that is the tensor itself."""
INDICES, VALUES = ":indices", ":values"
"""Suffixes of the members of `top`."""
COUNTS, EDGES, OUTSIDE = ":counts", ":edges", ":outside"
"""Suffixes of the members of `histogram`."""
SCALE, OFFSET = ":scale", ":offset"
"""Suffixes that a cast to uint8 adds."""
SUFFIXES = (INDICES, VALUES, COUNTS, EDGES, OUTSIDE, SCALE, OFFSET)
"""Suffixes that the members of a view add to the layer's address. No layer's name has a colon."""


@dataclass(frozen=True)
class ViewResult:
    """Result of a view: arrays by suffix, and facts for the reply that are not arrays."""

    members: dict[str, Array]
    facts: dict[str, Any] = field(default_factory=dict)


class View(msgspec.Struct, frozen=True):
    """View of a tensor: slice, reduction, top units or histogram, and cast, in this order, each optional."""

    slice: SliceView | None = None
    reduce: Reduction | None = None
    top: Top | None = None
    histogram: Histogram | None = None
    dtype: Cast | None = None

    def written(self) -> dict[str, Any]:
        """Return the options of this view, as a client writes them."""
        options = {
            "slice": self.slice and self.slice.text,
            "reduce": self.reduce and self.reduce.text,
            "top": self.top and self.top.k,
            "histogram": self.histogram and self.histogram.text,
        }
        return {name: value for name, value in options.items() if value is not None}

    def check(self) -> None:
        """Check that the options are compatible.

        Raises:
            InvalidOption: top and histogram are requested for the same layer, or a histogram in another dtype.
        """
        if self.histogram is None:
            return
        pointer, expected = self.histogram.pointer, "one of them for a layer"
        if self.top is not None:
            raise InvalidOption.at(
                pointer, "a layer is given its top units or its histogram", expected, "top and histogram"
            )
        if self.dtype is not None:
            message = "a histogram is sent in its own dtypes: counts as int64, edges as float64"
            raise InvalidOption.at(self.dtype.pointer, message, expected, "histogram and dtype")

    def result_types(self, shape: tuple[int | None, ...], dtype: str, address: str) -> dict[str, TensorType]:
        """Return the types of the members for an output of this shape, by suffix. The first is the main one.

        Raises:
            InvalidOption: the view does not fit the tensor.
        """
        tensor = self._reduced_type(type_of_output(shape, dtype), address)
        if self.histogram is not None:
            return dict(zip((COUNTS, EDGES, OUTSIDE), self.histogram.result_types(), strict=True))
        if self.top is None:
            return self._cast_types(MAIN, tensor)
        indices, values = self.top.result_types(tensor, address)
        return {**self._cast_types(VALUES, values), INDICES: indices}

    def row(self, shape: tuple[int | None, ...], dtype: str, address: str) -> dict[str, Any]:
        """Return the entry of this view of an output in plans and replies: the options, and the figures of the result.

        These are the values' for top, the counts' for a histogram; the bytes are those of all members.

        Raises:
            InvalidOption: the view does not fit the tensor.
        """
        types = list(self.result_types(shape, dtype, address).values())
        sizes = [tensor.nbytes for tensor in types]
        known = [size for size in sizes if size is not None]
        nbytes = sum(known) if len(known) == len(sizes) else None
        axes = ",".join(types[0].axes)
        return {**self.written(), "shape": types[0].shape, "axes": axes, "dtype": types[0].dtype, "bytes": nbytes}

    def _reduced_type(self, tensor: TensorType, address: str) -> TensorType:
        tensor = self.slice.result_type(tensor, address) if self.slice is not None else tensor
        return self.reduce.result_type(tensor, address) if self.reduce is not None else tensor

    def _cast_types(self, suffix: str, tensor: TensorType) -> dict[str, TensorType]:
        if self.dtype is None:
            return {suffix: tensor}
        scalars = dict.fromkeys((SCALE, OFFSET), TensorType((), "float64", "")) if self.dtype.dtype == "uint8" else {}
        return {suffix: self.dtype.result_type(tensor), **scalars}

    def apply(self, array: Array, address: str) -> ViewResult:
        """Apply the view to an array: its members are those of `result_types`, in the same order.

        Raises:
            InvalidOption: the values do not fit the requested dtype, or a sum 64 bits.
        """
        array = self._reduce(array, address)
        if self.histogram is not None:
            return ViewResult(dict(zip((COUNTS, EDGES, OUTSIDE), self.histogram.apply(array), strict=True)))
        if self.top is None:
            return self._cast(MAIN, array, address)
        indices, values = self.top.apply(array)
        cast_values = self._cast(VALUES, values, address)
        return ViewResult({**cast_values.members, INDICES: indices}, cast_values.facts)

    def _reduce(self, array: Array, address: str) -> Array:
        tensor = type_of_output(array.shape, array.dtype.name)
        if self.slice is not None:
            tensor, array = self.slice.result_type(tensor, address), self.slice.apply(array)
        return self.reduce.apply(array, tensor.axes, address) if self.reduce is not None else array

    def _cast(self, suffix: str, array: Array, address: str) -> ViewResult:
        if self.dtype is None:
            return ViewResult({suffix: array})
        cast, facts = self.dtype.apply(array, address)
        scalars = {name: np.float64(facts[name[1:]]) for name in (SCALE, OFFSET) if name[1:] in facts}
        return ViewResult({suffix: cast, **{name: np.asarray(value) for name, value in scalars.items()}}, facts)
