"""Matching of the datasets of a Keras HDF5 file with the network's weights by path.

Keras numbers the layers of a model by class, in its own order, and newer versions also store each layer's name. Nested
models are numbered by their class, too, which a document may not know. A layer is found by its number and by its name;
where both exist, both fit and they disagree, neither is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from models.weights.hdf5_tree import CONTAINER, Group, expected_tree, received_tree
from models.weights.source import Declared
from models.weights.specs import WeightSpec

NUMBER = re.compile(r"_\d{1,9}$")
"""Keras' number of an object among those of its class."""
NESTED = re.compile(r"\*\d+(?::(\w+))?$")
"""A nested model, and Keras' name for it where that is known."""
Choice = Mapping[str, str]
"""Maps the expected groups of one level to the file's."""


class Ambiguity(NamedTuple):
    """A layer that matches two groups of a file: the one by its order and the other by its name, if `named`."""

    layer: str
    one: str
    other: str
    named: bool


@dataclass
class PathMatch:
    """Maps a weight's name to its path in the file, where found, and lists ambiguities."""

    paths: dict[str, str] = field(default_factory=dict)
    ambiguities: list[Ambiguity] = field(default_factory=list)


def match_paths(specs: Sequence[WeightSpec], received: Mapping[str, Declared], names: Mapping[str, str]) -> PathMatch:
    """Return the paths of the network's weights; `names` are those of the layers, by the path of their group."""
    result = PathMatch()
    _pair(expected_tree(specs), received_tree(received, names), "", result)
    return result


def _pair(expected: Group, received: Group, path: str, result: PathMatch, word: str = "") -> None:
    """Find every weight below a path, as far as it exists."""
    for key, (name, _) in expected.tensors.items():
        if key in received.tensors:
            result.paths[name] = received.tensors[key][0]
    choice = _choose(expected, received, path, result) if word == CONTAINER else _attributes(expected, received)
    for key, group in expected.groups.items():
        other = received.groups.get(choice.get(key, ""))
        if other is not None:
            _pair(group, other, f"{path}{choice[key]}/", result, key)


def _attributes(expected: Group, received: Group) -> Choice:
    """Match the attributes of a layer by their names; some were private in Keras 2: `_query_dense`."""
    return {key: key if key in received.groups else f"_{key}" for key in expected.groups}


def _choose(expected: Group, received: Group, path: str, result: PathMatch) -> Choice:
    """Choose the file's groups for the layers of one model."""
    by_order, by_name = _by_order(expected, received), _by_name(expected, received)
    if by_order == by_name or by_name is None:
        result.ambiguities += _ambiguous(expected, received, by_order, path)
        return by_order
    if not _fits(by_order, expected, received):
        return by_name
    if not _fits(by_name, expected, received):
        return by_order
    differing = [key for key, group in by_name.items() if by_order.get(key) != group]
    result.ambiguities += [
        Ambiguity(expected.groups[key].name or key, path + by_order[key], path + by_name[key], True)
        for key in differing
    ]
    return {key: group for key, group in by_order.items() if key not in differing}


def _fits(choice: Choice, expected: Group, received: Group) -> bool:
    """Whether every layer exists, with tensors of its dtypes and shapes."""
    return all(
        key in choice and received.groups[choice[key]].content() == group.content()
        for key, group in expected.groups.items()
    )


def _by_name(expected: Group, received: Group) -> Choice | None:
    """Match by layer names, where the file has those of all of them, of the right classes."""
    names = [group.name for group in received.groups.values() if group.name is not None]
    if len(set(names)) < len(names):
        return None
    named = {group.name: key for key, group in received.groups.items()}
    choice = {key: named.get(group.name, "") if group.name else "" for key, group in expected.groups.items()}
    is_valid = all(
        theirs and (received.groups[theirs].is_model if NESTED.match(key) else _word(theirs) == _word(key))
        for key, theirs in choice.items()
    )
    return choice if is_valid else None


def _by_order(expected: Group, received: Group) -> Choice:
    """Match by class and number; nested models by their class where it is known or the same for all."""
    nested = [key for key in expected.groups if NESTED.match(key)]
    plain = {key: key for key in expected.groups if key not in nested and key in received.groups}
    others = sorted((key for key, group in received.groups.items() if group.is_model), key=_number)
    classed = {key: match[1] for key in nested if (match := NESTED.match(key))}
    if set(classed.values()) <= set(others):
        return plain | classed
    if len({_word(key) for key in others}) == 1:
        return plain | dict(zip(nested, others, strict=False))
    return plain | _by_content(nested, others, expected, received)


def _by_content(nested: Sequence[str], others: Sequence[str], expected: Group, received: Group) -> dict[str, str]:
    """Match by dtypes and shapes, where no two are alike."""
    contents = {received.groups[other].content(): other for other in others}
    expected_contents = {expected.groups[key].content(): key for key in nested}
    if len(contents) < len(others) or len(expected_contents) < len(nested):
        return {}
    return {key: contents[content] for content, key in expected_contents.items() if content in contents}


def _ambiguous(expected: Group, received: Group, choice: Choice, path: str) -> Iterator[Ambiguity]:
    """Yield nested models of several classes that look alike, so that they cannot be distinguished."""
    unmatched = [key for key, group in received.groups.items() if group.is_model and key not in choice.values()]
    for key, group in expected.groups.items():
        alike = [other for other in unmatched if received.groups[other].content() == group.content()]
        if NESTED.match(key) and key not in choice and len(alike) > 1:
            yield Ambiguity(group.name or key, path + alike[0], path + alike[1], False)


def _word(name: str) -> str:
    """Strip the number: `functional_1` → `functional`."""
    return NUMBER.sub("", name)


def _number(name: str) -> int:
    """Return the number: `functional_1` → 1."""
    number = name.removeprefix(_word(name))
    return int(number[1:]) if number else 0
