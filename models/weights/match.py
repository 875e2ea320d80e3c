"""A file against a network: every tensor that is missing, too many, of another shape or dtype, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from models.errors import InvalidWeights, Problem, did_you_mean, shown
from models.tensors.safetensors import pointer_of
from models.tensors.shapes import words
from models.validation import MAX_PROBLEMS
from models.weights.legacy import legacy_problem
from models.weights.names import named
from models.weights.places import placed
from models.weights.source import Declared, TensorSource
from models.weights.specs import WeightSpec

NESTED = re.compile(r"\*(\d+)")
NEAR_NAMES = 200
"""Most names that a suggestion is looked for among."""


def match(source: TensorSource, specs: Sequence[WeightSpec], pointer: str = "") -> list[str]:
    """The file's names of the network's weights, in the order of `specs`. No value is looked at.

    Raises:
        InvalidWeights: what does not fit, at most MAX_PROBLEMS.
    """
    tensors = source.tensors
    legacy = legacy_problem(tensors, pointer) if source.places else None
    if legacy is not None:
        raise InvalidWeights("", [legacy])
    found = placed(specs, tensors) if source.places else named(specs, tensors)
    missing = [spec for spec in specs if spec.name not in found]
    used = set(found.values())
    extra = [name for name in tensors if name not in used]
    problems = chain(
        _extra(extra, missing, source.places, pointer),
        (_missing(spec, source.places, pointer) for spec in missing),
        _different(specs, found, tensors, pointer),
    )
    refuse(problems, _detail(missing, extra))
    return [found[spec.name] for spec in specs]


def refuse(problems: Iterable[Problem], detail: str = "") -> None:
    """Raises InvalidWeights if there are any."""
    listed = list(islice(problems, MAX_PROBLEMS))
    if listed:
        raise InvalidWeights(detail, listed)


def _detail(missing: Sequence[WeightSpec], extra: Sequence[str]) -> str:
    """How many names do not fit; the problems may list fewer."""
    if not missing and not extra:
        return ""
    return f"The file lacks {len(missing)} of the network's weights and has {len(extra)} that are not."


def _extra(names: Sequence[str], missing: Sequence[WeightSpec], places: bool, pointer: str) -> Iterator[Problem]:
    known = [_place(spec) if places else spec.name for spec in missing[:NEAR_NAMES]]
    for name in names:
        near = did_you_mean(name, known)
        suggestion = f'write "{near}"' if near and not places else "leave it out"
        expected = f"one of {', '.join(known[:5])}" if known else "no further tensor"
        yield Problem(pointer_of(pointer, name), "the network has no such weight", expected, shown(name), suggestion)


def _missing(spec: WeightSpec, places: bool, pointer: str) -> Problem:
    expected = f"{spec.dtype} of shape {words(spec.shape)}" + (f" at {_place(spec)}" if places else "")
    return Problem(pointer_of(pointer, spec.name), f"{spec.name} is missing", expected, "nothing")


def _place(spec: WeightSpec) -> str:
    """Where a weight lies in an HDF5 file; nested models are called after their class, which is not known here."""
    return NESTED.sub(lambda found: f"(nested model {int(found[1]) + 1})", spec.hdf5)


def _different(
    specs: Sequence[WeightSpec], found: Mapping[str, str], tensors: Mapping[str, Declared], pointer: str
) -> Iterator[Problem]:
    for spec in specs:
        received = tensors.get(found.get(spec.name, ""))
        if received is None:
            continue
        where = pointer_of(pointer, found[spec.name])
        if received.shape != spec.shape:
            message = f"{spec.name} is of another shape"
            yield Problem(where, message, words(spec.shape), words(received.shape))
        elif received.dtype != spec.dtype:
            advice = f'convert it before saving: array.astype("{spec.dtype}")'
            yield Problem(where, f"{spec.name} is of another dtype", spec.dtype, received.dtype, advice)
