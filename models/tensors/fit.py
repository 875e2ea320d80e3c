"""Conversion of a tensor to a declared input, or an error with advice."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Protocol

import numpy as np

from models.errors import InvalidTensor
from models.tensors.convert import converted
from models.tensors.dtypes import DTYPES, Array, plain
from models.tensors.shapes import words


class InputDeclaration(Protocol):
    """Declaration of an input: its shape without the batch, in which None is a free length, and its dtype."""

    @property
    def shape(self) -> Sequence[int | None]: ...

    @property
    def dtype(self) -> str: ...


def fit(array: Array, spec: InputDeclaration, name: str, pointer: str, widen: bool = True) -> Array:
    """Add a missing batch dimension and convert to `spec.dtype`: C order, little-endian, every axis 1 or more.

    A tensor of the declared rank is a batch of one. `name` is the input's, `pointer` the tensor's. Without `widen`,
    what NumPy calls a safe cast is left to the engine: the bytes of an image stay bytes.

    Raises:
        InvalidTensor: the shape is not the declared one, or a value does not fit the dtype.
    """
    shape = (1, *array.shape) if array.ndim == len(spec.shape) else array.shape
    if not _matches(shape, spec.shape):
        raise _misfit(array.shape, spec.shape, name, pointer)
    if 0 in shape:
        received = words(array.shape)
        message = f"{name} is empty: axis {array.shape.index(0)} has no elements"
        raise InvalidTensor.at(pointer, message, expected="1 or more along every axis", received=received)
    if not widen and np.can_cast(array.dtype, DTYPES[spec.dtype], "safe"):
        return plain(array, pointer).reshape(shape)
    return converted(array, spec.dtype, pointer).reshape(shape)


def _matches(shape: Sequence[int], declared: Sequence[int | None]) -> bool:
    """Whether a shape with the batch has the declared rank and every fixed length."""
    axes = zip(shape[1:], declared, strict=False)
    return len(shape) == len(declared) + 1 and all(fixed in (None, length) for length, fixed in axes)


def _misfit(shape: Sequence[int], declared: Sequence[int | None], name: str, pointer: str) -> InvalidTensor:
    advice = _advice(shape, declared)
    return InvalidTensor.at(
        pointer,
        f"the shape of {name} does not fit",
        expected=words(["batch", *declared]),
        received=words(shape),
        suggestion=f"{advice} before sending" if advice else None,
    )


def _advice(shape: Sequence[int], declared: Sequence[int | None]) -> str | None:
    """Return the advice that makes `shape` fit: a last axis of 1, channels last, or a plain reshape."""
    for extended in ([*shape, 1], [1, *shape, 1]):
        if _matches(extended, declared):
            return f"add a last axis: reshape to {words(extended[-len(shape) - 1 :])}"
    for batch in ([], [1]):
        batched = [*batch, *shape]
        if len(batched) > 2 and _matches([batched[0], *batched[2:], batched[1]], declared):
            return "move the channels last"
    return _plain_reshape(shape, declared)


def _plain_reshape(shape: Sequence[int], declared: Sequence[int | None]) -> str | None:
    """Return the reshape that keeps the first axis as the batch, or makes one sample of all elements."""
    fixed = [length for length in declared if length is not None]
    if len(fixed) < len(declared):
        return None
    for batch, sample in ((shape[:1], shape[1:]), ([1], shape)):
        if batch and prod(sample) == prod(fixed):
            return f"reshape to {words([*batch, *fixed])}"
    return None
