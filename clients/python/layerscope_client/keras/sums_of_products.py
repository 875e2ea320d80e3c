"""Einstein summations with the batch in other places than the first, by those that have it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscope_client.keras.graph import Call, Rows, Tensor


@dataclass(frozen=True)
class BatchFirst:
    """Subscripts in which the batch begins every tensor and the result, and the places where it was."""

    subscripts: str
    operands: Sequence[int]
    """Of each operand; 0 also of those without a batch."""
    result: int


def batch_first(call: Call, operands: Sequence[Tensor]) -> BatchFirst:
    """Return the subscripts of a call with the batch first; unchanged if they have `...`, which covers it.

    Raises:
        Untraceable: the tensors have the batch along different letters, or the result lacks it.
    """
    subscripts = str(call.operation.subscripts).replace(" ", "")
    inputs, arrow, result = subscripts.partition("->")
    terms = inputs.split(",")
    if "." in subscripts or not arrow:
        return BatchFirst(subscripts, [0] * len(terms), 0)
    places = [_place(operand) for operand in operands]
    letters = {term[place] for term, place in zip(terms, places, strict=True) if place is not None}
    if len(letters) != 1 or not letters <= set(result):
        raise call.refusal(f"its einsum {subscripts} sums over the rows of the batch, or mixes them")
    (letter,) = letters
    moved = [term if place is None else _first(term, letter) for term, place in zip(terms, places, strict=True)]
    written = f"{','.join(moved)}->{_first(result, letter)}"
    return BatchFirst(written, [place or 0 for place in places], result.index(letter))


def _place(tensor: Tensor) -> int | None:
    """Return the axis of the batch; None of a tensor that follows from weights alone."""
    rows = [axis for axis, length in enumerate(tensor.shape) if isinstance(length, Rows)]
    return None if tensor.is_fixed or not rows else rows[0]


def _first(term: str, letter: str) -> str:
    return letter + term.replace(letter, "")
