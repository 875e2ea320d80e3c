"""Trees of the groups and tensors of a Keras HDF5 file: the expected and the received one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from models.weights.source import Declared
from models.weights.specs import WeightSpec

CONTAINER = "layers"
"""The group that holds the layers of a model."""
Leaf = tuple[str, Declared]
"""The name or path of a tensor, and its expected or actual declaration."""


@dataclass
class Group:
    """The groups and tensors below one path, by their last word, and the name of its layer."""

    groups: dict[str, Group] = field(default_factory=dict)
    tensors: dict[str, Leaf] = field(default_factory=dict)
    name: str | None = None

    @property
    def is_model(self) -> bool:
        """Whether it contains layers."""
        return CONTAINER in self.groups

    def leaves(self) -> Iterator[Leaf]:
        """Yield every tensor below."""
        yield from self.tensors.values()
        for group in self.groups.values():
            yield from group.leaves()

    def content(self) -> tuple[Declared, ...]:
        """Return the dtypes and shapes of all tensors below, sorted."""
        return tuple(sorted(declared for _, declared in self.leaves()))


def expected_tree(specs: Sequence[WeightSpec]) -> Group:
    """Build the tree that a file should have."""
    root = Group()
    for spec in specs:
        _expect(root, spec, spec.hdf5, spec.name)
        for number, path in enumerate(spec.copies):
            _expect(root, spec, path, copy_name(spec, number))
    return root


def _expect(root: Group, spec: WeightSpec, path: str, name: str) -> None:
    """Add a tensor at its path."""
    *groups, last = path.split("/")
    layers, group = iter(spec.layers), root
    for before, word in zip(["", *groups], groups, strict=False):
        group = group.groups.setdefault(word, Group())
        if before == CONTAINER:
            group.name = next(layers, None)
    group.tensors[last] = (name, Declared(spec.dtype, spec.shape))


def copy_name(spec: WeightSpec, number: int) -> str:
    """Return the key of another path of the same variable; no weight has such a name."""
    return f"{spec.name}/*{number}"


def received_tree(received: Mapping[str, Declared], names: Mapping[str, str]) -> Group:
    """Build the tree that a file has."""
    root = Group()
    for path, declared in received.items():
        *groups, last = path.split("/")
        group = root
        for number, word in enumerate(groups, 1):
            group = group.groups.setdefault(word, Group(name=names.get("/".join(groups[:number]))))
        group.tensors[last] = (path, declared)
    return root
