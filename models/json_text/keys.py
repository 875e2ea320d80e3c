"""Detection of duplicate keys in JSON objects, of which parsers silently keep the last.

Each key is followed by a colon, and all other colons are inside strings. So a text has as many colons as its parsed
value has keys and colons in strings, or a key was dropped; no number has to be inspected for that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from models.errors import Problem, Unparsable, shown
from models.errors.problem import MAX_NAME, MAX_PROBLEMS, pointer_to

FEW = 256
"""Colons that are searched one by one; the rest are counted."""
SCALARS = frozenset({int, float, bool, type(None)})
"""Types of values that hold no others."""
CONTAINERS = frozenset({dict, str})
"""Types of the first item of an array that is inspected early."""
INNERMOST, OF_EMPTY = re.compile(rb'\[[^\[\]{}"]*\]'), re.compile(rb"\[(?:\[\][\s,]*)+\]")
"""An array of numbers, and an array of emptied arrays."""
DETAILED_ITEMS = 100_000
"""Most commas and colons of a text that is searched for duplicates; above it, arrays of numbers are removed first."""
DETAILED_ARRAYS = 300_000
"""Most arrays of a text in which that removal is tried."""
DETAILED_BYTES = 4 * 1024 * 1024
"""A longer text is not searched: the time of each pass is proportional to its length."""
PASSES = 8
"""Levels of nesting of numeric arrays that are removed: a tensor has at most as many axes."""


def check_keys(text: bytes, value: Any) -> None:
    """Reject JSON in which an object has a key twice. `value` is the parsed text; objects in it that replace arrays of
    numbers are skipped.

    Raises:
        Unparsable: with pointers to the keys.
    """
    if not _has_all_colons(text, value):
        problems = list(islice(_duplicates(text), MAX_PROBLEMS))
        raise Unparsable("", problems or [Problem("", "an object has a key twice", "each key once in an object")])


def _has_all_colons(text: bytes, value: Any) -> bool:
    """Whether the keys and strings of a value account for all colons of its text. Arrays that may hold millions of
    numbers are inspected last, and the search stops once all colons are accounted for.
    """
    missing, queue, escaped = _colons(text), [value], None
    while missing and queue:
        arrays: list[list[Any]] = []
        for item in queue:  # grows meanwhile
            kind = type(item)
            if kind is dict:
                missing -= len(item)
                if not missing:
                    return True
                queue += item.values()
            elif kind is list and item:
                if type(item[0]) in CONTAINERS:
                    queue += item
                else:
                    arrays.append(item)
        if escaped is None:
            escaped = _escaped_colons(text)
            missing += escaped
        missing -= sum(map(_colons_of, queue))
        queue = [item for array in arrays if not SCALARS.issuperset(map(type, array)) for item in array]
    return not missing


def _colons_of(item: Any) -> int:
    """Count the colons inside a string, or inside the keys of an object."""
    return item.count(":") if type(item) is str else "".join(item).count(":") if type(item) is dict else 0


def _colons(text: bytes) -> int:
    """Count the literal colons. Where they are few, searching for the next is several times as fast as counting."""
    count, end = 0, text.find(b":")
    while end >= 0 and count < FEW:
        count += 1
        end = text.find(b":", end + 1)
    return count if end < 0 else count + text.count(b":", end)


def _escaped_colons(text: bytes) -> int:
    """Count the colons that strings write as escapes, `\\u003a`; after an escaped backslash it is not an escape."""
    if b"\\" not in text or b"\\u003" not in text:
        return 0
    bare = text.replace(b"\\\\", b"")
    return bare.count(b"\\u003a") + bare.count(b"\\u003A")


class _DuplicateKeys(dict[str, Any]):
    """Object with duplicate keys, and all its pairs."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _object_with_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    return parsed if len(parsed) == len(pairs) else _DuplicateKeys(pairs)


def _duplicates(text: bytes) -> Iterator[Problem]:
    """Yield a problem for every duplicate key, found by parsing again; nothing for a text that is too long."""
    if len(text) > DETAILED_BYTES:
        return
    if _items(text) > DETAILED_ITEMS and text.count(b"[") <= DETAILED_ARRAYS:
        text = _without_numbers(text)
    if _items(text) > DETAILED_ITEMS:
        return
    try:
        queue: list[tuple[Any, tuple[str | int, ...]]] = [(json.loads(text, object_pairs_hook=_object_with_pairs), ())]
    except (ValueError, RecursionError):  # Python has limits of its own
        return
    while queue:
        value, path = queue.pop()
        if isinstance(value, _DuplicateKeys):
            yield from _problems_of(value, path)
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        queue += [(item, (*path, key)) for key, item in inner if isinstance(item, dict | list)]


def _items(text: bytes) -> int:
    return text.count(b",") + text.count(b":")


def _without_numbers(text: bytes) -> bytes:
    """Empty the arrays that hold only numbers, nested as tensors are."""
    text = INNERMOST.sub(b"[]", text)
    for _ in range(PASSES - 1):
        before, text = text, OF_EMPTY.sub(b"[]", text)
        if len(text) == len(before):
            break
    return text


def _problems_of(value: _DuplicateKeys, path: tuple[str | int, ...]) -> Iterator[Problem]:
    values: dict[str, list[Any]] = {}
    for key, item in value.pairs:
        values.setdefault(key, []).append(item)
    for key, items in values.items():
        if len(items) > 1:
            received = ", then ".join(shown(item, 20) for item in items[:3])
            message = f"{shown(key)} stands {'twice' if len(items) == 2 else f'{len(items)} times'} in one object"
            location = [*path, key] if len(key) <= MAX_NAME else path
            yield Problem(pointer_to(location), message, "each key once", received, "leave all but one out")
