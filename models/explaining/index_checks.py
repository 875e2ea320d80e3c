"""Checks of a target's index against the shape of its tensor."""

from __future__ import annotations

from models.errors import InvalidOption
from models.explaining.targets import TargetTerm
from models.views.slicing import SliceRange
from models.views.tensor_type import NAMELESS, TensorType


def term_indices(term: TargetTerm, shape: tuple[int, ...], dtype: str) -> list[int]:
    """Return the integers of a term's index, none of them negative; `shape` is that of its tensor, the batch first.

    Raises:
        InvalidOption: the index does not fit the shape, or the argmax is one of several positions.
    """
    if not dtype.startswith(("float", "bfloat")):
        message = f"{term.address} returns {dtype}, and a target is a number that changes by degrees"
        raise InvalidOption.at(_pointer(term), message, "a tensor of floats", dtype)
    indexed = shape[1 : len(shape) - term.is_argmax]
    kept = indexed
    if term.index is not None:
        item = TensorType(indexed, dtype, NAMELESS * len(indexed))
        kept = tuple(length or 0 for length in term.index.result_type(item, term.address).shape)
    if term.is_argmax and (kept or len(shape) < 2):
        raise _several_positions(term, shape)
    parts = [] if term.index is None else term.index.expanded(len(indexed))
    pairs = zip(parts, indexed, strict=False)
    return [part % length for part, length in pairs if not isinstance(part, SliceRange)]


def _pointer(term: TargetTerm) -> str:
    return term.index.pointer if term.index is not None else "/of"


def _several_positions(term: TargetTerm, shape: tuple[int, ...]) -> InvalidOption:
    axes = len(shape) - 2
    free = ", ".join(["0"] * max(axes, 0))
    message = f"{term.address} has {axes} axes before its units, and the largest unit is that of one position"
    advice = f'write "{term.address}[{free}, argmax]", or "{term.address}[..., 0]" for one unit at every position'
    return InvalidOption.at(_pointer(term), message, "one unit, or an index for each axis before argmax",
                            f"{len(shape) - 1} axes after the batch", advice)  # fmt: skip
