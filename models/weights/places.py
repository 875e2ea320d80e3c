"""Which dataset of a Keras HDF5 file is which of the network's, by its place.

Layers are found by class and number, as Keras counts them. Nested models are the exception: Keras calls them
`functional`, `sequential` or after a class of the user's, and a document knows only that they are blocks. Those of one
class stand in order; those of several classes are told apart by their tensors' shapes, if no two are alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.weights.source import Declared
from models.weights.specs import WeightSpec

Tree = dict[str, Any]
"""Groups by name, down to what a dataset is."""
NUMBER = re.compile(r"_\d{1,9}$")


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
    models = _models(expected, found)
    for name, inner in expected.items():
        other = found.get(models.get(name, name))
        if isinstance(inner, WeightSpec) and isinstance(other, tuple):
            yield inner.name, other[0]
        elif isinstance(inner, dict) and isinstance(other, dict):
            yield from _pairs(inner, other)


def _models(expected: Tree, found: Tree) -> dict[str, str]:
    """What the file calls each nested model of one level; nothing where that cannot be told."""
    blocks = [name for name in expected if name.startswith("*")]
    others = sorted((name for name in found if blocks and name not in expected), key=_number)
    if len({_word(name) for name in others}) == 1:
        return dict(zip(blocks, others, strict=False))
    contents = {_content(found[name]): name for name in others}
    wanted = {_content(expected[block]): block for block in blocks}
    if len(contents) < len(others) or len(wanted) < len(blocks):
        return {}
    return {block: contents[content] for content, block in wanted.items() if content in contents}


def _content(tree: Any) -> tuple[Declared, ...]:
    """The dtypes and shapes of all that is inside, sorted."""
    return tuple(sorted(_leaves(tree)))


def _leaves(tree: Any) -> Iterator[Declared]:
    if isinstance(tree, WeightSpec):
        yield Declared(tree.dtype, tree.shape)
    elif isinstance(tree, tuple):
        yield tree[1]
    else:
        for inner in tree.values():
            yield from _leaves(inner)


def _word(name: str) -> str:
    """`functional_1` → `functional`."""
    return NUMBER.sub("", name)


def _number(name: str) -> int:
    """`functional_1` → 1."""
    number = name.removeprefix(_word(name))
    return int(number[1:]) if number else 0
