"""Matching of a file with a network: every tensor missing, superfluous, or of another shape or dtype, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain, islice
from typing import NamedTuple

from models.errors import InvalidWeights, Problem, did_you_mean, shown
from models.errors.problem import MAX_PROBLEMS
from models.tensors.safetensors import pointer_of
from models.tensors.shapes import words
from models.weights.hdf5_paths import Ambiguity, PathMatch, match_paths
from models.weights.hdf5_tree import copy_name
from models.weights.names import match_names
from models.weights.reader_messages import OlderFile
from models.weights.saved_layers import match_saved
from models.weights.source import Declared, TensorSource
from models.weights.specs import WeightSpec

NESTED = re.compile(r"\*(\d+)(?::\w+)?")
"""A nested model in the path of a spec."""
NEAR_NAMES = 200
"""Most names considered for a suggestion."""
CONTAINER = re.compile(r"layers/[^/]+/")
"""The group of a layer in a model's group."""


class Matched(NamedTuple):
    """The file's names of the network's weights, in the order of the specs, and of the copies that should equal them:
    pairs of a weight's name in the file and another's.
    """

    names: list[str]
    copies: list[tuple[str, str]]


def match(source: TensorSource, specs: Sequence[WeightSpec], pointer: str = "") -> Matched:
    """Match the tensors of a file with the network's. No value is read.

    Raises:
        InvalidWeights: the mismatches, at most MAX_PROBLEMS.
    """
    tensors = source.tensors
    if source.saved is not None:
        refuse(_turned_kernels(source.saved, specs, pointer))
        found = match_saved(specs, source.saved, tensors)
    elif source.names_are_paths:
        found = match_paths(specs, tensors, source.names)
    else:
        found = PathMatch(match_names(specs, tensors))
    refuse(_ambiguity_problem(tie, pointer) for tie in found.ambiguities)
    matched = found.paths
    missing = [spec for spec in specs if spec.name not in matched]
    extra = _unused(source, set(matched.values()), is_complete=not missing)
    problems = chain(
        _extra(extra, missing, source, pointer),
        (_missing(spec, _twin(spec, specs, matched), source, pointer) for spec in missing),
        _mismatches(specs, matched, tensors, pointer),
    )
    refuse(problems, _detail(missing, extra))
    return Matched([matched[spec.name] for spec in specs], _copies(specs, matched))


def _turned_kernels(saved: OlderFile, specs: Sequence[WeightSpec], pointer: str) -> Iterator[Problem]:
    """Yield the problem of convolutions saved by Keras on Theano, which turns kernels by half a turn."""
    if saved.backend == "theano" and any(len(spec.shape) > 2 for spec in specs):
        message, advice = "Keras on Theano has turned the kernels of convolutions", "save it with Keras on TensorFlow"
        yield Problem(pointer, message, "weights saved on TensorFlow", saved.backend, advice)


def _unused(source: TensorSource, used: set[str], is_complete: bool) -> list[str]:
    """Return the tensors that match no weight; those outside layers are ignored if no weight is missing."""
    if source.saved is not None:
        return [path for layer in source.saved.layers for path in layer.paths if path not in used]
    ignored = _outside_layers(source.tensors) if source.names_are_paths and is_complete else ()
    return [name for name in source.tensors if name not in used and name not in ignored]


def _copies(specs: Sequence[WeightSpec], matched: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the pairs of tensors of a file that hold the same weight."""
    return [
        (matched[spec.name], matched[name])
        for spec in specs
        for name in (copy_name(spec, number) for number in range(len(spec.copies)))
        if name in matched
    ]


def _outside_layers(paths: Iterable[str]) -> set[str]:
    """Return the datasets that belong to a model and not to its layers: its metrics, or layers that it never calls.
    Keras ignores them, too.
    """
    models = {"", *(path[: found.start()] for path in paths for found in CONTAINER.finditer(path))}
    return {path for path in paths if _owner(path, models) is not None}


def _owner(path: str, models: Set[str]) -> str | None:
    """Return the group of the model that a dataset belongs to, if it is in none of its layers."""
    inside = ""
    while inside in models:
        found = CONTAINER.match(path, len(inside))
        if found is None:
            return inside
        inside = path[: found.end()]
    return None


def _ambiguity_problem(tie: Ambiguity, pointer: str) -> Problem:
    """Build the problem of a layer that matches two groups of the file."""
    message = f"{tie.layer} could be {tie.one} or {tie.other}, which are alike"
    if tie.named:
        message = f"{tie.layer} is {tie.one} by Keras' order of layers and {tie.other} by its name; both would fit"
    return Problem(
        pointer_of(pointer, tie.one), message, "one group that the layer can be", f"{tie.one} and {tie.other}",
        "send the .keras file, or name the weights in a .safetensors or .npz file",
    )  # fmt: skip


def refuse(problems: Iterable[Problem], detail: str = "") -> None:
    """Raise InvalidWeights if there are any problems."""
    listed = list(islice(problems, MAX_PROBLEMS))
    if listed:
        raise InvalidWeights(detail, listed)


def _detail(missing: Sequence[WeightSpec], extra: Sequence[str]) -> str:
    """Return how many names do not match; the problems may list fewer."""
    if not missing and not extra:
        return ""
    return f"The file lacks {len(missing)} of the network's weights and has {len(extra)} that are not."


def _extra(
    names: Sequence[str], missing: Sequence[WeightSpec], source: TensorSource, pointer: str
) -> Iterator[Problem]:
    known = [_path_text(spec, source) or spec.name for spec in missing[:NEAR_NAMES]]
    for name in names:
        near = did_you_mean(name, known)
        suggestion = f'write "{near}"' if near and not source.names_are_paths else "leave it out"
        expected = f"one of {', '.join(known[:5])}" if known else "no further tensor"
        yield Problem(pointer_of(pointer, name), "the network has no such weight", expected, shown(name), suggestion)


def _missing(spec: WeightSpec, twin: WeightSpec | None, source: TensorSource, pointer: str) -> Problem:
    path = _path_text(spec, source)
    expected = f"{spec.dtype} of shape {words(spec.shape)}" + (f" at {path}" if path else "")
    suggestion = None
    if twin is not None:
        suggestion = f"where this is the layer of {twin.name}, it stands in two models: Keras writes it once, and a " \
                     "document shares layers within one list only"  # fmt: skip
    return Problem(pointer_of(pointer, spec.name), f"{spec.name} is missing", expected, "nothing", suggestion)


def _twin(spec: WeightSpec, specs: Sequence[WeightSpec], matched: Mapping[str, str]) -> WeightSpec | None:
    """Return a weight found in the file that could be the same one: of a layer of the same name in another model."""
    same = (other for other in specs if other.layers[-1:] == spec.layers[-1:] and other.shape == spec.shape)
    alike = (other for other in same if other.name in matched and len(spec.layers) != 0 and other.layers != spec.layers)
    return next((other for other in alike if other.name.endswith(spec.name.rpartition("/")[2])), None)


def _path_text(spec: WeightSpec, source: TensorSource) -> str:
    """Return where a weight is in a .weights.h5 file; nested models are named by class, which is unknown here."""
    if source.saved is not None or not source.names_are_paths:
        return ""
    return NESTED.sub(lambda found: f"(nested model {int(found[1]) + 1})", spec.hdf5)


def _mismatches(
    specs: Sequence[WeightSpec], matched: Mapping[str, str], tensors: Mapping[str, Declared], pointer: str
) -> Iterator[Problem]:
    for spec in specs:
        received = tensors.get(matched.get(spec.name, ""))
        if received is None:
            continue
        where = pointer_of(pointer, matched[spec.name])
        if received.shape != spec.shape:
            message = f"{spec.name} is of another shape"
            yield Problem(where, message, words(spec.shape), words(received.shape))
        elif received.dtype != spec.dtype:
            advice = f'convert it before saving: array.astype("{spec.dtype}")'
            yield Problem(where, f"{spec.name} is of another dtype", spec.dtype, received.dtype, advice)
