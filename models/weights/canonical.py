"""Canonical form of stored weights: safetensors, in the network's order, without metadata.

The same weights are the same bytes, so that the SHA-256 of the file names them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from models.errors import Problem, TooLarge
from models.tensors.dtypes import Array, kind_of
from models.tensors.safetensors import MAX_HEADER, MAX_TENSORS, pointer_of, safetensors_header
from models.weights.match import match, refuse
from models.weights.read import read_weights
from models.weights.source import FileLimits, TensorSource
from models.weights.specs import WeightSpec

CHUNK = 1024 * 1024
"""Numbers checked, hashed and written at a time."""


def convert(source: Path, specs: Sequence[WeightSpec], target: Path, limits: FileLimits, pointer: str = "") -> str:
    """Write the weights of an uploaded file of any format to `target`; returns their digest, in hexadecimal.

    Raises:
        InvalidWeights: they are not the network's, or some are NaN or infinite.
        Unparsable, TooLarge, InvalidTensor: as `read_weights`. Whatever is raised, `target` does not exist.
    """
    with TemporaryDirectory(dir=target.parent) as scratch:
        opened = read_weights(source, Path(scratch), limits, pointer)
        matched = match(opened, specs, pointer)
        _check_copies(opened, matched.copies, pointer)
        return write_canonical(specs, opened.read(matched.names), target, pointer)


def _check_copies(source: TensorSource, copies: Sequence[tuple[str, str]], pointer: str) -> None:
    """Check that variables that Keras writes twice have the same value.

    Raises:
        InvalidWeights: naming the tensors that differ from those they should be the same as.
    """
    arrays = iter(source.read([name for pair in copies for name in pair]) if copies else ())
    pairs = ((pair, _is_same(next(arrays), next(arrays))) for pair in copies)
    refuse(
        Problem(pointer_of(pointer, copy), f"{copy} should be the same as {name}", "the same numbers", "other numbers")
        for (name, copy), same in pairs
        if not same
    )


def _is_same(left: Array, right: Array) -> bool:
    """Whether two arrays have the same bytes, compared in chunks."""
    if (left.dtype, left.shape) != (right.dtype, right.shape):
        return False
    pairs = zip(_chunks(left), _chunks(right), strict=True)
    return all(np.array_equal(first.view(np.uint8), second.view(np.uint8)) for first, second in pairs)


def write_canonical(specs: Sequence[WeightSpec], arrays: Iterable[Array], target: Path, pointer: str = "") -> str:
    """Write arrays, which are of the specs' shapes and dtypes, in their order, one at a time; returns the digest.

    Raises:
        InvalidWeights: naming those with NaN or infinities.
    """
    problems: list[Problem] = []
    try:
        digest = _write(specs, arrays, target, pointer, problems)
        refuse(problems)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return digest


def _write(
    specs: Sequence[WeightSpec], arrays: Iterable[Array], target: Path, pointer: str, problems: list[Problem]
) -> str:
    head = safetensors_header(specs)
    _check_readable(specs, head, pointer)
    digest = sha256(head)
    with target.open("wb") as file:
        file.write(head)
        for spec, array in zip(specs, arrays, strict=True):
            bad = 0
            for chunk in _checked_chunks(spec, array):
                bad += _count_not_finite(chunk)
                data = chunk.view(np.uint8).data
                digest.update(data)
                file.write(data)
            if bad:
                problems.append(_problem(spec, bad, pointer))
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _check_readable(specs: Sequence[WeightSpec], head: bytes, pointer: str) -> None:
    """Check that the file can be read again, by us and by clients."""
    if len(specs) > MAX_TENSORS:
        message, expected, received = "the network has too many weights", f"at most {MAX_TENSORS}", f"{len(specs)}"
    elif len(head) > MAX_HEADER:
        message = "the names of the weights are too long together"
        expected, received = f"at most {MAX_HEADER:,} bytes with shapes and dtypes", f"{len(head):,} bytes"
    else:
        return
    raise TooLarge.at(pointer, message, expected=expected, received=received)


def _checked_chunks(spec: WeightSpec, array: Array) -> Iterator[Array]:
    if (array.dtype.name, array.shape) != (spec.dtype, spec.shape):
        raise ValueError(f"{spec.name} is not what was declared")
    return _chunks(array)


def _chunks(array: Array) -> Iterator[Array]:
    """Return chunks of the numbers in C order."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return (flat[start : start + CHUNK] for start in range(0, flat.size, CHUNK))


def _count_not_finite(chunk: Array) -> int:
    return int(np.count_nonzero(~np.isfinite(chunk))) if kind_of(chunk.dtype) == "float" else 0


def _problem(spec: WeightSpec, bad: int, pointer: str) -> Problem:
    message = f"{spec.name} has NaN or infinite values"
    return Problem(pointer_of(pointer, spec.name), message, "finite numbers", f"{bad} that are not")
