"""Limits of JSON text, checked before it is parsed: parsing takes tens of bytes of memory for each byte of text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import orjson

from models.errors import TooLarge
from models.errors.problem import MAX_NAME, pointer_to
from models.json_text.structure import CLOSE, COLON, COMMA, OPEN, marks_in

MAX_KEYS = 4096
"""Keys of one object."""
MAX_ITEMS = 65_536
"""Items of all arrays of a document; the numbers of inputs are bounded by their bytes."""
MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of a document: of JSON without the inputs in it."""
UNCOUNTED = 16 * 1024
"""A text of at most so many bytes cannot exceed the limits of keys and items."""
Claim = Callable[[int, int, str], None]
"""Called before a value is parsed, with the bytes of memory it will take, the bytes of its text, and its pointer."""


def claim_nothing(*_: object) -> None:
    """Claim no memory: for text that is not part of a request."""


def parsed_bytes(text: bytes, start: int, end: int) -> int:
    """Estimate the memory of parsed text: strings, numbers with their slots in arrays, arrays, and keys of objects."""
    count = text.count
    marks = 40 * count(b",", start, end) + 110 * count(b":", start, end) + 25 * count(b'"', start, end)
    return end - start + marks + 72 * count(b"[", start, end) + 72 * count(b"{", start, end)


def check_document_size(size: int, pointer: str = "") -> None:
    """Raise TooLarge for a document, or the part of a body outside its inputs, that is over its limit."""
    if size > MAX_DOCUMENT:
        message, expected = "the document is over its limit", f"at most {MAX_DOCUMENT:,} bytes of JSON beside inputs"
        raise TooLarge.at(pointer, message, expected=expected, received=f"{size:,} bytes")


def has_few_items(text: bytes, start: int, end: int) -> bool:
    """Whether its arrays are within the limit of items, by a count that includes commas of strings and objects."""
    return text.count(b",", start, end) + text.count(b"[", start, end) <= MAX_ITEMS


def check_document(text: bytes, pointer: str = "") -> None:
    """Raise TooLarge for a document, or a part of one, over its limits of bytes, items, or keys of one object."""
    check_document_size(len(text), pointer)
    check_items(text, 0, len(text), 0, pointer)
    check_keys_of_objects(text, 0, len(text), pointer)


def check_items(text: bytes, start: int, end: int, count: int = 0, pointer: str = "") -> int:
    """Count the items of a document's arrays, added to `count`; an upper bound where that is within the limit.

    Raises:
        TooLarge: there are too many.
    """
    at_most = count + text.count(b",", start, end) + text.count(b"[", start, end)
    if at_most <= MAX_ITEMS:
        return at_most
    for marks in marks_in(text, start, end):
        arrays = (np.frombuffer(text, np.uint8)[marks.offsets] == ord("[")).sum()
        objects = (marks.kinds == OPEN).sum() - arrays
        commas, colons = (marks.kinds == COMMA).sum(), (marks.kinds == COLON).sum()
        count += int(commas - colons + objects + arrays)  # an object or array has one comma less than keys or items
        if count > MAX_ITEMS:
            message, expected = "the document has too many items in arrays", f"at most {MAX_ITEMS:,}"
            raise TooLarge.at(
                pointer, message, expected=expected, received="more", suggestion="send numbers under inputs"
            )
    return count


def check_keys_of_objects(text: bytes, start: int, end: int, pointer: str = "") -> None:
    """Raise TooLarge, with a pointer to it, for an object over the limit of keys."""
    if text.count(b":", start, end) <= MAX_KEYS:
        return
    parts = list(marks_in(text, start, end))
    offsets, kinds, depths = (np.concatenate([part[field] for part in parts]) for field in range(3))
    inner = np.flatnonzero(kinds != CLOSE)
    inner = inner[np.argsort(depths[inner], kind="stable")]  # groups the keys of an object after its bracket
    opened = np.flatnonzero(kinds[inner] == OPEN)
    before = np.concatenate([[0], np.cumsum(kinds[inner] == COLON)])
    keys = before[np.append(opened[1:], len(inner))] - before[opened]
    if len(keys) and keys.max() > MAX_KEYS:
        mark = int(inner[opened[keys.argmax()]])
        raise too_many_keys(pointer + pointer_to(_path(text, offsets[:mark], kinds[:mark], depths[:mark])))


def too_many_keys(pointer: str) -> TooLarge:
    """Return the error for an object over the limit of keys."""
    return TooLarge.at(pointer, "the object has too many keys", expected=f"at most {MAX_KEYS:,} keys", received="more")


def _path(text: bytes, offsets: np.ndarray, kinds: np.ndarray, depths: np.ndarray) -> list[str | int]:
    """Return the keys and indices that lead to the value after these marks."""
    path: list[str | int] = []
    depth, first = 1, 0
    while first < len(kinds):
        opened = np.flatnonzero((kinds == OPEN) & (depths == depth))
        closed = np.flatnonzero((kinds == CLOSE) & (depths == depth))
        if len(opened) <= len(closed):
            break
        first = int(opened[-1])
        path.append(_last_member(text, offsets[first:], kinds[first:], depths[first:], depth))
        depth += 1
    return path


def _last_member(text: bytes, offsets: np.ndarray, kinds: np.ndarray, depths: np.ndarray, depth: int) -> str | int:
    """Return the index or key of the last member of the array or object that opens here."""
    own = depths == depth
    commas = offsets[own & (kinds == COMMA)]
    if text[offsets[0] : offsets[0] + 1] == b"[":
        return len(commas)
    colons = offsets[own & (kinds == COLON)]
    if not len(colons):
        return "…"  # not JSON, which is reported later
    colon = int(colons[-1])
    key = orjson.loads(text[int(commas[-1]) + 1 if len(commas) else int(offsets[0]) + 1 : colon])
    return str(key) if len(str(key)) <= MAX_NAME else "…"
