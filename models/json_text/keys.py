"""Keys that an object has twice: parsers of JSON keep the last and say nothing of the others.

Each key is followed by a colon, and other colons stand in strings alone. So the colons of a text are those keys and
strings that were read of it, or something was lost; no number has to be looked at for that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from models.errors import Problem, Unparsable, shown
from models.problems import MAX_NAME, MAX_PROBLEMS, pointer_to

FEW = 256
SCALARS = frozenset({int, float, bool, type(None)})
BEARING = frozenset({dict, str})
"""What an array begins with that is looked at early."""
INNERMOST, OF_EMPTY = re.compile(rb'\[[^\[\]{}"]*\]'), re.compile(rb"\[(?:\[\][\s,]*)+\]")
"""An array of numbers, and one of arrays that were."""
DETAILED_ITEMS = 100_000
"""Most commas and colons of a text in which a lost key is searched for. Of more, arrays of numbers go out first."""
DETAILED_ARRAYS = 300_000
"""Most arrays of a text of which that is tried."""
DETAILED_BYTES = 4 * 1024 * 1024
"""Of a longer text nothing is searched for: each pass takes as long as the text is."""
PASSES = 8
"""Levels of arrays that may stand around numbers: a tensor has no more axes."""


def check_keys(text: bytes, value: Any) -> None:
    """Refuses JSON in which an object has a key twice. `value` is what a parser made of it; whatever stands in it for
    arrays of numbers is passed over.

    Raises:
        Unparsable: pointing at the keys.
    """
    if not _is_all_there(text, value):
        problems = list(islice(_repeats(text), MAX_PROBLEMS))
        raise Unparsable("", problems or [Problem("", "an object has a key twice", "each key once in an object")])


def _is_all_there(text: bytes, value: Any) -> bool:
    """Whether the keys and strings of a value have as many colons as its text. Arrays that may hold millions of numbers
    come last, and nothing is looked at any more once all colons are found.
    """
    missing, waiting, escaped = _colons(text), [value], None
    while missing and waiting:
        arrays: list[list[Any]] = []
        for one in waiting:  # which grows
            kind = type(one)
            if kind is dict:
                missing -= len(one)
                if not missing:
                    return True
                waiting += one.values()
            elif kind is list and one:
                if type(one[0]) in BEARING:
                    waiting += one
                else:
                    arrays.append(one)
        if escaped is None:
            escaped = _escaped_colons(text)
            missing += escaped
        missing -= sum(map(_colons_of, waiting))
        waiting = [item for array in arrays if not SCALARS.issuperset(map(type, array)) for item in array]
    return not missing


def _colons_of(one: Any) -> int:
    """Those of a string, or of the keys themselves."""
    return one.count(":") if type(one) is str else "".join(one).count(":") if type(one) is dict else 0


def _colons(text: bytes) -> int:
    """Those that are written. Looking for the next one is several times as fast as counting, where they are few."""
    found, end = 0, text.find(b":")
    while end >= 0 and found < FEW:
        found += 1
        end = text.find(b":", end + 1)
    return found if end < 0 else found + text.count(b":", end)


def _escaped_colons(text: bytes) -> int:
    """Those that strings have besides, written by their number; behind an escaped backslash that is no number."""
    if b"\\" not in text or b"\\u003" not in text:
        return 0
    bare = text.replace(b"\\\\", b"")
    return bare.count(b"\\u003a") + bare.count(b"\\u003A")


class _Repeating(dict[str, Any]):
    """An object with all its pairs."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Repeating(pairs)


def _repeats(text: bytes) -> Iterator[Problem]:
    """Every key that stands twice in one object, found by a second reading; nothing in a text that is too long."""
    if len(text) > DETAILED_BYTES:
        return
    if _items(text) > DETAILED_ITEMS and text.count(b"[") <= DETAILED_ARRAYS:
        text = _without_numbers(text)
    if _items(text) > DETAILED_ITEMS:
        return
    try:
        waiting: list[tuple[Any, tuple[str | int, ...]]] = [(json.loads(text, object_pairs_hook=_object), ())]
    except (ValueError, RecursionError):  # Python has bounds of its own
        return
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, _Repeating):
            yield from _of_object(value, path)
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting += [(item, (*path, key)) for key, item in inner if isinstance(item, dict | list)]


def _items(text: bytes) -> int:
    return text.count(b",") + text.count(b":")


def _without_numbers(text: bytes) -> bytes:
    """The same objects, with empty arrays in the place of those that hold numbers alone, nested as tensors are."""
    text = INNERMOST.sub(b"[]", text)
    for _ in range(PASSES - 1):
        before, text = text, OF_EMPTY.sub(b"[]", text)
        if len(text) == len(before):
            break
    return text


def _of_object(value: _Repeating, path: tuple[str | int, ...]) -> Iterator[Problem]:
    given: dict[str, list[Any]] = {}
    for key, item in value.pairs:
        given.setdefault(key, []).append(item)
    for key, items in given.items():
        if len(items) > 1:
            received = ", then ".join(shown(item, 20) for item in items[:3])
            message = f"{shown(key)} stands {'twice' if len(items) == 2 else f'{len(items)} times'} in one object"
            place = [*path, key] if len(key) <= MAX_NAME else path
            yield Problem(pointer_to(place), message, "each key once", received, "leave all but one out")
