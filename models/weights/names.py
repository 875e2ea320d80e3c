"""Which tensor of a file is which of the network's, by name. Nothing is guessed: what several could be is nobody's.

Accepted are our own names; Keras' `variable.path`, under a model's name or not, its automatic numbers other than
ours; and `arr_0`, `arr_1`, …, which `numpy.savez(path, *model.get_weights())` writes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile

from models.weights.specs import WeightSpec

POSITION = re.compile(r"arr_(0|[1-9]\d*)")
NUMBER = re.compile(r"_\d+$")
MAX_PREFIX = 4
"""Most parts that all names may begin with."""
MAX_PARTS = 64
"""Names of more parts are nobody's."""


def named(specs: Sequence[WeightSpec], received: Collection[str]) -> dict[str, str]:
    """From a spec's name to the file's, for those that are found."""
    own = [spec.name for spec in specs]
    if received and all(POSITION.fullmatch(name) and name not in own for name in received):
        return {name: f"arr_{number}" for number, name in enumerate(own) if f"arr_{number}" in received}
    bare = _without_prefix(received, set(own))
    exact = {name: bare[name] for name in own if name in bare}
    rest = [name for name in own if name not in exact]
    return exact | _alike(rest, {name: full for name, full in bare.items() if name not in exact})


def _without_prefix(received: Collection[str], own: Collection[str]) -> dict[str, str]:
    """The file's names by what follows the parts that all begin with: as many as make most names ours."""
    paths = [name.split("/", MAX_PREFIX) for name in received]
    shared = list(takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False)))
    cut = max(range(len(shared) + 1), key=lambda cut: (sum("/".join(path[cut:]) in own for path in paths), -cut))
    return {"/".join(path[cut:]): "/".join(path) for path in paths}


def _alike(own: Collection[str], received: Mapping[str, str]) -> dict[str, str]:
    """The same for names that are not ours, but could be those of one spec alone."""
    unique = _unique_keys(own)
    claims: dict[str, list[str]] = {}
    for name, full in received.items():
        spec = next((unique[key] for key in _keys(name) if key in unique), None)
        if spec is not None:
            claims.setdefault(spec, []).append(full)
    return {spec: names[0] for spec, names in claims.items() if len(names) == 1}


def _unique_keys(names: Collection[str]) -> dict[str, str]:
    """What one spec alone can be called."""
    owners: dict[str, set[str]] = {}
    for name in names:
        for key in _keys(name):
            owners.setdefault(key, set()).add(name)
    return {key: found.pop() for key, found in owners.items() if len(found) == 1}


def _keys(name: str) -> Iterator[str]:
    """The name, then it without its first parts, then the same without the numbers that Keras counts names with."""
    parts = name.split("/", MAX_PARTS)
    if len(parts) > MAX_PARTS:
        return
    plain = [NUMBER.sub("", part) for part in parts]
    for words in (parts, plain):
        yield from ("/".join(words[start:]) for start in range(max(1, len(words) - 1)))
