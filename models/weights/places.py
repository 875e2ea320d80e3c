"""Which dataset of a Keras HDF5 file is which of the network's, by its place.

Keras numbers the layers of a model by class, in its own order, and newer ones keep each layer's name beside. Nested
models are numbered by their class, too, which a document may not know. A layer is found by its number and by its name;
where both are there, both would fit and they disagree, neither is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from models.weights.source import Declared
from models.weights.specs import WeightSpec

NUMBER = re.compile(r"_\d{1,9}$")
NESTED = re.compile(r"\*\d+(?::(\w+))?$")
"""A nested model, and what Keras calls it where that is known."""
CONTAINER = "layers"
"""The group that holds the layers of a model."""
Leaf = tuple[str, Declared]
"""The name or path of a tensor, and what it is to be or is."""
Choice = Mapping[str, str]
"""From the expected groups of one level to the file's."""


@dataclass
class Group:
    """What stands below one place: groups and tensors by their last word, and the name of the layer that it is."""

    groups: dict[str, Group] = field(default_factory=dict)
    tensors: dict[str, Leaf] = field(default_factory=dict)
    name: str | None = None

    @property
    def is_model(self) -> bool:
        """Whether layers lie in it."""
        return CONTAINER in self.groups

    def leaves(self) -> Iterator[Leaf]:
        """Every tensor below."""
        yield from self.tensors.values()
        for group in self.groups.values():
            yield from group.leaves()

    def content(self) -> tuple[Declared, ...]:
        """The dtypes and shapes of all that is below, sorted."""
        return tuple(sorted(declared for _, declared in self.leaves()))


class Doubt(NamedTuple):
    """A layer that two groups of a file could be: the one by its order and the other by its name, if `named`."""

    layer: str
    one: str
    other: str
    named: bool


@dataclass
class Found:
    """From a weight's name to the file's place, for those that are found, and what cannot be told."""

    places: dict[str, str] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)


def placed(specs: Sequence[WeightSpec], received: Mapping[str, Declared], names: Mapping[str, str]) -> Found:
    """The places of the network's weights; `names` are those of the layers, by the path of their group."""
    found = Found()
    _pair(_expected(specs), _tree(received, names), "", found)
    return found


def _expected(specs: Sequence[WeightSpec]) -> Group:
    """The tree that a file should have."""
    root = Group()
    for spec in specs:
        _expect(root, spec, spec.hdf5, spec.name)
        for number, place in enumerate(spec.copies):
            _expect(root, spec, place, copy_name(spec, number))
    return root


def _expect(root: Group, spec: WeightSpec, place: str, name: str) -> None:
    """Adds a tensor at its place."""
    *path, last = place.split("/")
    layers, group = iter(spec.layers), root
    for before, word in zip(["", *path], path, strict=False):
        group = group.groups.setdefault(word, Group())
        if before == CONTAINER:
            group.name = next(layers, None)
    group.tensors[last] = (name, Declared(spec.dtype, spec.shape))


def copy_name(spec: WeightSpec, number: int) -> str:
    """What another place of the same variable is found under; no weight has such a name."""
    return f"{spec.name}/*{number}"


def _tree(received: Mapping[str, Declared], names: Mapping[str, str]) -> Group:
    """The tree that a file has."""
    root = Group()
    for place, declared in received.items():
        *path, last = place.split("/")
        group = root
        for number, word in enumerate(path, 1):
            group = group.groups.setdefault(word, Group(name=names.get("/".join(path[:number]))))
        group.tensors[last] = (place, declared)
    return root


def _pair(expected: Group, received: Group, place: str, found: Found, word: str = "") -> None:
    """Finds every weight below a place, as far as it is there."""
    for key, (name, _) in expected.tensors.items():
        if key in received.tensors:
            found.places[name] = received.tensors[key][0]
    choice = _chosen(expected, received, place, found) if word == CONTAINER else {key: key for key in expected.groups}
    for key, group in expected.groups.items():
        other = received.groups.get(choice.get(key, ""))
        if other is not None:
            _pair(group, other, f"{place}{choice[key]}/", found, key)


def _chosen(expected: Group, received: Group, place: str, found: Found) -> Choice:
    """Which of the file's groups the layers of one model are."""
    by_order, by_name = _by_order(expected, received), _by_name(expected, received)
    if by_order == by_name or by_name is None:
        found.doubts += _unordered(expected, received, by_order, place)
        return by_order
    if not _fits(by_order, expected, received):
        return by_name
    if not _fits(by_name, expected, received):
        return by_order
    differing = [key for key, group in by_name.items() if by_order.get(key) != group]
    found.doubts += [
        Doubt(expected.groups[key].name or key, place + by_order[key], place + by_name[key], True) for key in differing
    ]
    return {key: group for key, group in by_order.items() if key not in differing}


def _fits(choice: Choice, expected: Group, received: Group) -> bool:
    """Whether every layer is there, with tensors of its dtypes and shapes."""
    return all(
        key in choice and received.groups[choice[key]].content() == group.content()
        for key, group in expected.groups.items()
    )


def _by_name(expected: Group, received: Group) -> Choice | None:
    """By the names of layers, where the file has those of all of them, of the right classes."""
    names = [group.name for group in received.groups.values() if group.name is not None]
    if len(set(names)) < len(names):
        return None
    named = {group.name: key for key, group in received.groups.items()}
    choice = {key: named.get(group.name, "") if group.name else "" for key, group in expected.groups.items()}
    same = all(
        theirs and (received.groups[theirs].is_model if NESTED.match(key) else _word(theirs) == _word(key))
        for key, theirs in choice.items()
    )
    return choice if same else None


def _by_order(expected: Group, received: Group) -> Choice:
    """By class and number; nested models by their class where it is known or the same for all."""
    nested = [key for key in expected.groups if NESTED.match(key)]
    plain = {key: key for key in expected.groups if key not in nested and key in received.groups}
    others = sorted((key for key, group in received.groups.items() if group.is_model), key=_number)
    classed = {key: found[1] for key in nested if (found := NESTED.match(key))}
    if set(classed.values()) <= set(others):
        return plain | classed
    if len({_word(key) for key in others}) == 1:
        return plain | dict(zip(nested, others, strict=False))
    return plain | _by_content(nested, others, expected, received)


def _by_content(nested: Sequence[str], others: Sequence[str], expected: Group, received: Group) -> dict[str, str]:
    """By dtypes and shapes, where no two are alike."""
    contents = {received.groups[other].content(): other for other in others}
    wanted = {expected.groups[key].content(): key for key in nested}
    if len(contents) < len(others) or len(wanted) < len(nested):
        return {}
    return {key: contents[content] for content, key in wanted.items() if content in contents}


def _unordered(expected: Group, received: Group, choice: Choice, place: str) -> Iterator[Doubt]:
    """Nested models of several classes that look alike, so that none can be told from the other."""
    left = [key for key, group in received.groups.items() if group.is_model and key not in choice.values()]
    for key, group in expected.groups.items():
        alike = [other for other in left if received.groups[other].content() == group.content()]
        if NESTED.match(key) and key not in choice and len(alike) > 1:
            yield Doubt(group.name or key, place + alike[0], place + alike[1], False)


def _word(name: str) -> str:
    """`functional_1` → `functional`."""
    return NUMBER.sub("", name)


def _number(name: str) -> int:
    """`functional_1` → 1."""
    number = name.removeprefix(_word(name))
    return int(number[1:]) if number else 0
