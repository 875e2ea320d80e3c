"""A tensor made to fit a declared input, or refused in words."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Protocol

import numpy as np

from models.errors import InvalidTensor, Problem
from models.tensors.convert import converted
from models.tensors.dtypes import DTYPES, Array, plain
from models.tensors.shapes import words


class Declared(Protocol):
    """What an input is declared to be: a shape without the batch, in which None is a free length, and a dtype."""

    @property
    def shape(self) -> Sequence[int | None]: ...

    @property
    def dtype(self) -> str: ...


def fit(array: Array, spec: Declared, name: str, pointer: str, widen: bool = True) -> Array:
    """The tensor with its batch dimension and as `spec.dtype`: C order, little-endian, every axis 1 or more.

    A tensor of the declared rank is a batch of one. `name` is the input's, `pointer` where it was sent. Without
    `widen`, what NumPy calls a safe cast is left for later: bytes of a picture stay bytes.

    Raises:
        InvalidTensor: the shape is not the declared one, or a value does not fit the dtype.
    """
    shape = (1, *array.shape) if array.ndim == len(spec.shape) else array.shape
    if not _matches(shape, spec.shape):
        raise _misfit(array.shape, spec.shape, name, pointer)
    if 0 in shape:
        received = words(array.shape)
        message = f"{name} is empty: axis {array.shape.index(0)} has no elements"
        raise InvalidTensor(problems=[Problem(pointer, message, "1 or more along every axis", received)])
    if not widen and np.can_cast(array.dtype, DTYPES[spec.dtype], "safe"):
        return plain(array, pointer).reshape(shape)
    return converted(array, spec.dtype, pointer).reshape(shape)


def _matches(shape: Sequence[int], declared: Sequence[int | None]) -> bool:
    """Whether a shape with the batch is of the declared rank and agrees with every fixed axis."""
    axes = zip(shape[1:], declared, strict=False)
    return len(shape) == len(declared) + 1 and all(fixed in (None, length) for length, fixed in axes)


def _misfit(shape: Sequence[int], declared: Sequence[int | None], name: str, pointer: str) -> InvalidTensor:
    better = _reshaped(shape, declared)
    return InvalidTensor(
        problems=[
            Problem(
                pointer,
                f"the shape of {name} does not fit",
                words(["batch", *declared]),
                words(shape),
                f"{better} before sending" if better else None,
            )
        ]
    )


def _reshaped(shape: Sequence[int], declared: Sequence[int | None]) -> str | None:
    """What turns `shape` into one that fits: a last axis of 1, channels last, or a plain reshape."""
    for fuller in ([*shape, 1], [1, *shape, 1]):
        if _matches(fuller, declared):
            return f"add a last axis: reshape to {words(fuller[-len(shape) - 1 :])}"
    for batch in ([], [1]):
        moved = [*batch, *shape]
        if len(moved) > 2 and _matches([moved[0], *moved[2:], moved[1]], declared):
            return "move the channels last"
    return _flat(shape, declared)


def _flat(shape: Sequence[int], declared: Sequence[int | None]) -> str | None:
    """A reshape that keeps the first axis as the batch, or makes one example of everything."""
    fixed = [length for length in declared if length is not None]
    if len(fixed) < len(declared):
        return None
    for batch, sample in ((shape[:1], shape[1:]), ([1], shape)):
        if batch and prod(sample) == prod(fixed):
            return f"reshape to {words([*batch, *fixed])}"
    return None
