"""Matching of a file's tensors with the network's by name. Nothing is guessed: an ambiguous name matches nothing.

Accepted are our own names; Keras' `variable.path`, with or without a model's name, its automatic numbers other than
ours; and `arr_0`, `arr_1`, …, which `numpy.savez(path, *model.get_weights())` writes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from models.weights.specs import WeightSpec

POSITION = re.compile(r"arr_(0|[1-9]\d*)")
"""The name that numpy.savez gives to an array without one."""
NUMBER = re.compile(r"_([1-9]\d{0,8})$")
"""Keras' automatic number of a layer."""
MAX_PREFIX = 4
"""Most parts of a prefix shared by all names."""
MAX_PARTS = 64
"""Names of more parts match nothing."""


def match_names(specs: Sequence[WeightSpec], received: Collection[str]) -> dict[str, str]:
    """Map the names of specs to the file's, for those that match."""
    own = [spec.name for spec in specs]
    if received and all(POSITION.fullmatch(name) and name not in own for name in received):
        return {name: f"arr_{number}" for number, name in enumerate(own) if f"arr_{number}" in received}
    bare = _without_prefix(received, set(own))
    shifted = _match_shifted(own, bare)
    if shifted is not None:
        return {name: bare[theirs] for name, theirs in shifted.items()}
    exact = {name: bare[name] for name in own if name in bare}
    others = {name: full for name, full in bare.items() if name not in exact}
    return exact | {name: full for name, full in _match_unique(own, others).items() if name not in exact}


def _without_prefix(received: Collection[str], own: Collection[str]) -> dict[str, str]:
    """Map the file's names without a shared prefix to the full names: the prefix cut that makes most names ours."""
    paths = [name.split("/", MAX_PREFIX) for name in received]
    shared = list(takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False)))
    cut = max(range(len(shared) + 1), key=lambda cut: (sum("/".join(path[cut:]) in own for path in paths), -cut))
    return {"/".join(path[cut:]): "/".join(path) for path in paths}


def _match_shifted(own: Sequence[str], received: Collection[str]) -> dict[str, str] | None:
    """Map all of the file's names to ours with the counters offset, `dense_4`, `dense_5` for `dense`, `dense_1`: Keras
    counts on as long as its process lives. None unless the names match one to one.
    """
    ours, theirs = _counts(own), _counts(received)
    shifts = {word: _shift(numbers, theirs.get(word, set())) for word, numbers in ours.items()}
    shifted = {_shifted(name, shifts): name for name in received}
    return shifted if shifted.keys() == set(own) and len(shifted) == len(received) else None


def _shift(ours: set[int], theirs: set[int]) -> int:
    """Return how much later their counter starts; 0 where ours is not a counter, but chosen by the client."""
    is_counter = len(ours) == 1 or ours == set(range(len(ours)))
    return min(theirs) - min(ours) if is_counter and theirs else 0


def _counts(names: Iterable[str]) -> dict[str, set[int]]:
    """Return the numbers of each layer's base name, by its path: `block/conv2d` has 0 and 2 if there are
    `block/conv2d` and `block/conv2d_2`.
    """
    counts: dict[str, set[int]] = {}
    for name in names:
        for word, number in _words(name):
            counts.setdefault(word, set()).add(number)
    return counts


def _words(name: str) -> Iterator[tuple[str, int]]:
    """Yield the base name of each layer in a name, with its path, and its number; the last part is the variable's."""
    before = ""
    for part in name.split("/", MAX_PARTS)[:-1]:
        word, number = _split(part)
        before += f"/{word}"
        yield before, number


def _split(part: str) -> tuple[str, int]:
    """Split `conv2d_1` into conv2d, 1 and `conv2d` into conv2d, 0."""
    match = NUMBER.search(part)
    return (part[: match.start()], int(match[1])) if match else (part, 0)


def _shifted(name: str, shifts: Mapping[str, int]) -> str:
    """Return a name with the numbers as ours count."""
    words = [_numbered(word.rpartition("/")[2], number - shifts.get(word, 0)) for word, number in _words(name)]
    return "/".join([*words, name.split("/", MAX_PARTS)[-1]])


def _numbered(word: str, number: int) -> str:
    return f"{word}_{number}" if number else word  # below 0: matches nothing


def _match_unique(own: Collection[str], received: Mapping[str, str]) -> dict[str, str]:
    """Match names that are not exactly ours, but fit one spec only, whatever else was found."""
    unique = _unique_keys(own)
    claims: dict[str, list[str]] = {}
    for name, full in received.items():
        spec = next((unique[key] for key in _keys(name) if key in unique), None)
        if spec is not None:
            claims.setdefault(spec, []).append(full)
    return {spec: names[0] for spec, names in claims.items() if len(names) == 1}


def _unique_keys(names: Collection[str]) -> dict[str, str]:
    """Return the keys that identify one spec only."""
    owners: dict[str, set[str]] = {}
    for name in names:
        for key in _keys(name):
            owners.setdefault(key, set()).add(name)
    return {key: found.pop() for key, found in owners.items() if len(found) == 1}


def _keys(name: str) -> Iterator[str]:
    """Yield the name, then it without its first parts, then both without Keras' automatic numbers."""
    parts = name.split("/", MAX_PARTS)
    if len(parts) > MAX_PARTS:
        return
    plain = [NUMBER.sub("", part) for part in parts]
    for words in (parts, plain):
        yield from ("/".join(words[start:]) for start in range(max(1, len(words) - 1)))
