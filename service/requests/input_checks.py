"""Checks of the inputs of a request, and the problems that they report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.errors import InvalidTensor, Problem, TooLarge, shown
from models.tensors.shapes import words
from service.requests.payload import Array
from service.settings import Settings


def check_alone(files: Sequence[bytes], pointer: str) -> None:
    """Reject several files that are not images: how to combine them into one tensor is not defined.

    Raises:
        InvalidTensor
    """
    if len(files) > 1:
        message, expected = "only images make a batch of several parts", "one part, or images"
        hint = "stack a batch into one array; inputs of other names are parts of their own, inputs.<name>"
        raise InvalidTensor.at(pointer, message, expected=expected, received=f"{len(files)} parts", suggestion=hint)


def check_bytes(nbytes: int, settings: Settings) -> None:
    """Reject inputs over the limit of bytes of a request.

    Raises:
        TooLarge: with the limit.
    """
    limit = int(settings.max_input_bytes)
    if nbytes > limit:
        message, hint = "the inputs are over their limit", "send a smaller batch"
        expected, received = f"at most {limit:,} bytes", f"{nbytes:,} bytes"
        raise TooLarge.at("", message, expected=expected, received=received, suggestion=hint)


def single_tensor(arrays: Mapping[str, Array], pointer: str) -> Array:
    """Return the tensor of a file for one input.

    Raises:
        InvalidTensor: there are several.
    """
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    message = "a part for one input holds one tensor"
    hint = "send a file of several as `tensor`: its names are the inputs'"
    raise InvalidTensor.at(pointer, message, expected="one tensor", received=f"{len(arrays)} tensors", suggestion=hint)


def not_an_image(shape: Sequence[int | None], pointer: str) -> Problem:
    """Return the problem of an image for an input of this shape; one of four axes may include the batch."""
    expected = f"a tensor of shape {words(['batch', *shape])}"
    with_batch = len(shape) == 4 and shape[0] is None
    hint = f'leave the batch out of the document\'s "input": {shown(list(shape[1:]))}' if with_batch else None
    return Problem(pointer, "the network's input is not an image", expected, "an image", hint)
