"""A file against a network: every tensor that is missing, too many, of another shape or dtype, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain, islice
from typing import NamedTuple

from models.errors import InvalidWeights, Problem, did_you_mean, shown
from models.problems import MAX_PROBLEMS
from models.tensors.safetensors import pointer_of
from models.tensors.shapes import words
from models.weights.legacy import legacy_problem
from models.weights.names import named
from models.weights.places import Doubt, Found, copy_name, placed
from models.weights.source import Declared, TensorSource
from models.weights.specs import WeightSpec

NESTED = re.compile(r"\*(\d+)(?::\w+)?")
NEAR_NAMES = 200
"""Most names that a suggestion is looked for among."""
CONTAINER = re.compile(r"layers/[^/]+/")
"""The group of a layer in a model's group."""


class Matched(NamedTuple):
    """The file's names of the network's weights, in the order of the specs, and of what should be the same as some:
    pairs of a weight's name in the file and another's.
    """

    names: list[str]
    copies: list[tuple[str, str]]


def match(source: TensorSource, specs: Sequence[WeightSpec], pointer: str = "") -> Matched:
    """Which tensor of a file is which of the network's. No value is looked at.

    Raises:
        InvalidWeights: what does not fit, at most MAX_PROBLEMS.
    """
    tensors = source.tensors
    legacy = legacy_problem(tensors, pointer) if source.places else None
    if legacy is not None:
        raise InvalidWeights("", [legacy])
    places = placed(specs, tensors, source.names) if source.places else Found(named(specs, tensors))
    refuse(_doubtful(doubt, pointer) for doubt in places.doubts)
    found = places.places
    missing = [spec for spec in specs if spec.name not in found]
    used = set(found.values())
    extra = [name for name in tensors if name not in used]
    if source.places and not missing:
        beside = _beside(tensors)
        extra = [name for name in extra if name not in beside]
    problems = chain(
        _extra(extra, missing, source.places, pointer),
        (_missing(spec, _twin(spec, specs, found), source.places, pointer) for spec in missing),
        _different(specs, found, tensors, pointer),
    )
    refuse(problems, _detail(missing, extra))
    copies = [
        (found[spec.name], found[name])
        for spec in specs
        for name in (copy_name(spec, number) for number in range(len(spec.copies)))
        if name in found
    ]
    return Matched([found[spec.name] for spec in specs], copies)


def _beside(places: Iterable[str]) -> set[str]:
    """Datasets that belong to a model and not to its layers: its metrics, or layers that it never calls. Keras
    passes them over, too.
    """
    models = {"", *(place[: found.start()] for place in places for found in CONTAINER.finditer(place))}
    return {place for place in places if _owner(place, models) is not None}


def _owner(place: str, models: Set[str]) -> str | None:
    """The group of the model that a dataset belongs to, if it is in none of its layers."""
    inside = ""
    while inside in models:
        found = CONTAINER.match(place, len(inside))
        if found is None:
            return inside
        inside = place[: found.end()]
    return None


def _doubtful(doubt: Doubt, pointer: str) -> Problem:
    """A layer that two groups of the file could be."""
    message = f"{doubt.layer} could be {doubt.one} or {doubt.other}, which are alike"
    if doubt.named:
        message = (
            f"{doubt.layer} is {doubt.one} by Keras' order of layers and {doubt.other} by its name; both would fit"
        )
    return Problem(
        pointer_of(pointer, doubt.one), message, "one group that the layer can be", f"{doubt.one} and {doubt.other}",
        "send the .keras file, or name the weights in a .safetensors or .npz file",
    )  # fmt: skip


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


def _missing(spec: WeightSpec, twin: WeightSpec | None, places: bool, pointer: str) -> Problem:
    expected = f"{spec.dtype} of shape {words(spec.shape)}" + (f" at {_place(spec)}" if places else "")
    suggestion = None
    if twin is not None:
        suggestion = f"where this is the layer of {twin.name}, it stands in two models: Keras writes it once, and a " \
                     "document shares layers within one list only"  # fmt: skip
    return Problem(pointer_of(pointer, spec.name), f"{spec.name} is missing", expected, "nothing", suggestion)


def _twin(spec: WeightSpec, specs: Sequence[WeightSpec], found: Mapping[str, str]) -> WeightSpec | None:
    """A weight that is there and could be the same one: of a layer of the same name in another model."""
    same = (other for other in specs if other.layers[-1:] == spec.layers[-1:] and other.shape == spec.shape)
    alike = (other for other in same if other.name in found and len(spec.layers) != 0 and other.layers != spec.layers)
    return next((other for other in alike if other.name.endswith(spec.name.rpartition("/")[2])), None)


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
