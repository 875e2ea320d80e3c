"""How much of JSON is read at all, counted before it is parsed: that makes tens of bytes of each of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import orjson

from models.errors import Problem, TooLarge
from models.json_text.structure import CLOSE, COLON, COMMA, OPEN, marks_in
from models.problems import MAX_NAME, pointer_to

MAX_KEYS = 4096
"""Keys of one object."""
MAX_ITEMS = 65_536
"""Items of all arrays of a document; the numbers of inputs are bounded by their bytes."""
MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of a document: of JSON but for the inputs in it."""
UNCOUNTED = 16 * 1024
"""Bytes that hold no more keys, or items, than are allowed."""
Claim = Callable[[int, int, str], None]
"""Told before something is parsed: the bytes of memory that will be made of it, its own, and where it stands."""


def nothing_claimed(*_: object) -> None:
    """For text that is not a request's."""


def parsed_bytes(text: bytes, start: int, end: int) -> int:
    """What parsing makes of text, about: strings, numbers with their places in arrays, arrays, and keys of objects."""
    count = text.count
    marks = 40 * count(b",", start, end) + 110 * count(b":", start, end) + 25 * count(b'"', start, end)
    return end - start + marks + 72 * count(b"[", start, end) + 72 * count(b"{", start, end)


def check_document_size(size: int, pointer: str = "") -> None:
    """Raises TooLarge: a document, or what stands beside inputs, is longer than it may be."""
    if size > MAX_DOCUMENT:
        message, expected = "the document is over its limit", f"at most {MAX_DOCUMENT:,} bytes of JSON beside inputs"
        raise TooLarge("", [Problem(pointer, message, expected, f"{size:,} bytes")])


def has_few_items(text: bytes, start: int, end: int) -> bool:
    """Whether its arrays have no more items than may be, strings and objects counted with them."""
    return text.count(b",", start, end) + text.count(b"[", start, end) <= MAX_ITEMS


def check_document(text: bytes, pointer: str = "") -> None:
    """Raises TooLarge: a document, or a part of one, is too long, or has too many items, or keys in one object."""
    check_document_size(len(text), pointer)
    check_items(text, 0, len(text), 0, pointer)
    check_keys_of_objects(text, 0, len(text), pointer)


def check_items(text: bytes, start: int, end: int, found: int = 0, pointer: str = "") -> int:
    """The items of a document's arrays, with those that were `found` before; few are not told from keys exactly.

    Raises:
        TooLarge: they are too many.
    """
    at_most = found + text.count(b",", start, end) + text.count(b"[", start, end)
    if at_most <= MAX_ITEMS:
        return at_most
    for marks in marks_in(text, start, end):
        arrays = (np.frombuffer(text, np.uint8)[marks.places] == ord("[")).sum()
        objects = (marks.kinds == OPEN).sum() - arrays
        commas, colons = (marks.kinds == COMMA).sum(), (marks.kinds == COLON).sum()
        found += int(commas - colons + objects + arrays)  # an object has a comma less than keys, an array than items
        if found > MAX_ITEMS:
            message, expected = "the document has too many items in arrays", f"at most {MAX_ITEMS:,}"
            raise TooLarge("", [Problem(pointer, message, expected, "more", "send numbers under inputs")])
    return found


def check_keys_of_objects(text: bytes, start: int, end: int, pointer: str = "") -> None:
    """Raises TooLarge: an object has more keys than it may; points at it."""
    if text.count(b":", start, end) <= MAX_KEYS:
        return
    parts = list(marks_in(text, start, end))
    places, kinds, depths = (np.concatenate([part[field] for part in parts]) for field in range(3))
    inner = np.flatnonzero(kinds != CLOSE)
    inner = inner[np.argsort(depths[inner], kind="stable")]  # the keys of one object lie together, behind its bracket
    opened = np.flatnonzero(kinds[inner] == OPEN)
    before = np.concatenate([[0], np.cumsum(kinds[inner] == COLON)])
    keys = before[np.append(opened[1:], len(inner))] - before[opened]
    if len(keys) and keys.max() > MAX_KEYS:
        mark = int(inner[opened[keys.argmax()]])
        raise too_many_keys(pointer + pointer_to(_path(text, places[:mark], kinds[:mark], depths[:mark])))


def too_many_keys(pointer: str) -> TooLarge:
    """The error for an object that has more keys than it may."""
    return TooLarge("", [Problem(pointer, "the object has too many keys", f"at most {MAX_KEYS:,} keys", "more")])


def _path(text: bytes, places: np.ndarray, kinds: np.ndarray, depths: np.ndarray) -> list[str | int]:
    """The keys and indices that lead to what comes behind these marks."""
    path: list[str | int] = []
    depth, first = 1, 0
    while first < len(kinds):
        opened = np.flatnonzero((kinds == OPEN) & (depths == depth))
        closed = np.flatnonzero((kinds == CLOSE) & (depths == depth))
        if len(opened) <= len(closed):
            break
        first = int(opened[-1])
        path.append(_part(text, places[first:], kinds[first:], depths[first:], depth))
        depth += 1
    return path


def _part(text: bytes, places: np.ndarray, kinds: np.ndarray, depths: np.ndarray, depth: int) -> str | int:
    """The index, or the key, of what is last in what opens here."""
    own = depths == depth
    commas = places[own & (kinds == COMMA)]
    if text[places[0] : places[0] + 1] == b"[":
        return len(commas)
    colons = places[own & (kinds == COLON)]
    if not len(colons):
        return "…"  # it is no JSON, which is told later
    colon = int(colons[-1])
    key = orjson.loads(text[int(commas[-1]) + 1 if len(commas) else int(places[0]) + 1 : colon])
    return str(key) if len(str(key)) <= MAX_NAME else "…"
