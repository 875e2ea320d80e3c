"""Which dataset of a Keras HDF5 file is which of the network's, by its place.

Layers are found by class and number, as Keras counts them. Nested models are the exception: Keras calls them
`functional`, `sequential` or after a class of the user's, and a document knows only that they are blocks. Those of one
class stand in order; of several classes, the one order is taken in which every block has what it should.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from models.weights.source import Declared
from models.weights.specs import WeightSpec

Tree = dict[str, Any]
"""Groups by name, down to what a dataset is."""
NUMBERED = re.compile(r"(.*?)(?:_(\d+))?")


def placed(specs: Sequence[WeightSpec], received: Mapping[str, Declared]) -> dict[str, str]:
    """From a spec's name to the file's place, for those that are found."""
    expected = _tree({spec.hdf5: spec for spec in specs})
    found = _tree({path: (path, declared) for path, declared in received.items()})
    return dict(_pairs(expected, found))


def _tree(leaves: Mapping[str, Any]) -> Tree:
    root: Tree = {}
    for path, leaf in leaves.items():
        *groups, last = path.split("/")
        level = root
        for group in groups:
            level = level.setdefault(group, {})
        level[last] = leaf
    return root


def _pairs(expected: Tree, found: Tree) -> Iterator[tuple[str, str]]:
    """Every spec with its dataset, as far as both are there."""
    names = {name: name for name in expected} | _models(expected, found)
    for name, inner in expected.items():
        other = found.get(names[name])
        if isinstance(inner, WeightSpec) and isinstance(other, tuple):
            yield inner.name, other[0]
        elif isinstance(inner, dict) and isinstance(other, dict):
            yield from _pairs(inner, other)


def _models(expected: Tree, found: Tree) -> dict[str, str]:
    """What the file calls each nested model of one level; nothing where that cannot be told."""
    blocks = [name for name in expected if name.startswith("*")]
    classes: dict[str, list[str]] = {}
    for name in sorted((name for name in found if blocks and name not in expected), key=_number):
        classes.setdefault(_split(name)[0], []).append(name)
    if len(classes) == 1:
        return dict(zip(blocks, *classes.values(), strict=False))
    fitting = list(islice(_orders(expected, found, blocks, list(classes.values())), 2))
    return dict(zip(blocks, fitting[0], strict=True)) if len(fitting) == 1 else {}


def _orders(
    expected: Tree, found: Tree, blocks: Sequence[str], classes: Sequence[Sequence[str]]
) -> Iterator[tuple[str, ...]]:
    """The ways to interleave the models of several classes so that each block has what it should."""
    if not blocks and not any(classes):
        yield ()
    for number, names in enumerate(classes if blocks else ()):
        if names and _fits(expected[blocks[0]], found[names[0]]):
            rest = [*classes[:number], names[1:], *classes[number + 1 :]]
            yield from ((names[0], *order) for order in _orders(expected, found, blocks[1:], rest))


def _fits(expected: Any, found: Any) -> bool:
    """Whether a group holds exactly what it should, in the right shapes."""
    if isinstance(expected, WeightSpec):
        return isinstance(found, tuple) and found[1] == Declared(expected.dtype, expected.shape)
    if not isinstance(found, dict) or len(expected) != len(found):
        return False
    names = {name: name for name in expected} | _models(expected, found)
    return all(name in found and _fits(expected[block], found[name]) for block, name in names.items())


def _split(name: str) -> tuple[str, int]:
    """`functional_1` → `functional`, 1."""
    word, number = NUMBERED.fullmatch(name).groups()  # type: ignore[union-attr] (it matches anything)
    return word, int(number or 0)


def _number(name: str) -> int:
    return _split(name)[1]
