"""Which tensor of a file is which of the network's, by name. Nothing is guessed: what several could be is nobody's.

Accepted are our own names; Keras' `variable.path`, under a model's name or not, its automatic numbers other than
ours; and `arr_0`, `arr_1`, …, which `numpy.savez(path, *model.get_weights())` writes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from models.weights.specs import WeightSpec

POSITION = re.compile(r"arr_(0|[1-9]\d*)")
NUMBER = re.compile(r"_([1-9]\d{0,8})$")
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
    counted = _counted_from_later(own, bare)
    if counted is not None:
        return {name: bare[theirs] for name, theirs in counted.items()}
    exact = {name: bare[name] for name in own if name in bare}
    rest = {name: full for name, full in bare.items() if name not in exact}
    return exact | {name: full for name, full in _alike(own, rest).items() if name not in exact}


def _without_prefix(received: Collection[str], own: Collection[str]) -> dict[str, str]:
    """The file's names by what follows the parts that all begin with: as many as make most names ours."""
    paths = [name.split("/", MAX_PREFIX) for name in received]
    shared = list(takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False)))
    cut = max(range(len(shared) + 1), key=lambda cut: (sum("/".join(path[cut:]) in own for path in paths), -cut))
    return {"/".join(path[cut:]): "/".join(path) for path in paths}


def _counted_from_later(own: Sequence[str], received: Collection[str]) -> dict[str, str] | None:
    """All of the file's names as those of ours that are counted alike, `dense_4`, `dense_5` for `dense`, `dense_1`:
    Keras goes on counting as long as its process lives. None unless every name of both finds the other.
    """
    ours, theirs = _counts(own), _counts(received)
    starts = {word: min(numbers) for word, numbers in theirs.items()}
    for word, numbers in ours.items():
        later = {number + starts.get(word, 0) for number in numbers}
        if theirs.get(word) != (later if numbers == set(range(len(numbers))) else numbers):
            return None
        starts[word] = starts[word] if numbers == set(range(len(numbers))) else 0
    found = {_begun_at_zero(name, starts): name for name in received}
    return found if found.keys() == set(own) and len(found) == len(received) else None


def _counts(names: Iterable[str]) -> dict[str, set[int]]:
    """The numbers behind each layer's word, by where the word stands: `block/conv2d` has 0 and 2 when there are
    `block/conv2d` and `block/conv2d_2`.
    """
    counts: dict[str, set[int]] = {}
    for name in names:
        for word, number in _words(name):
            counts.setdefault(word, set()).add(number)
    return counts


def _words(name: str) -> Iterator[tuple[str, int]]:
    """The words of the layers in a name, each with those before it, and its number; the last part is no layer's."""
    before = ""
    for part in name.split("/", MAX_PARTS)[:-1]:
        word, number = _split(part)
        before += f"/{word}"
        yield before, number


def _split(part: str) -> tuple[str, int]:
    """`conv2d_1` → conv2d, 1; `conv2d` → conv2d, 0."""
    found = NUMBER.search(part)
    return (part[: found.start()], int(found[1])) if found else (part, 0)


def _begun_at_zero(name: str, starts: Mapping[str, int]) -> str:
    """A name with the number of each word less what its word's numbers start at."""
    parts = name.split("/", MAX_PARTS)
    shifted = [_named(word.rpartition("/")[2], number - starts.get(word, 0)) for word, number in _words(name)]
    return "/".join([*shifted, parts[-1]])


def _named(word: str, number: int) -> str:
    return f"{word}_{number}" if number else word


def _alike(own: Collection[str], received: Mapping[str, str]) -> dict[str, str]:
    """The same for names that are not ours, but could be those of one spec alone, whichever others were found."""
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
