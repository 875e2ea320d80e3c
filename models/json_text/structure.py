"""Where the brackets, commas and colons of JSON stand, found without parsing it, a stretch of text at a time.

Python's lock is held for no more than a stretch, so that whoever reads tens of megabytes on a thread stops nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from models.tensors.dtypes import Array

STRETCH = 256 * 1024
OPEN, CLOSE, COMMA, COLON = 1, 2, 4, 8
QUOTE = ord('"')
KIND = np.zeros(256, np.uint8)
KIND[list(b"[{")], KIND[list(b"]}")], KIND[ord(",")], KIND[ord(":")] = OPEN, CLOSE, COMMA, COLON
STEP = np.zeros(256, np.int32)
STEP[OPEN], STEP[CLOSE] = 1, -1
ESCAPED = re.compile(rb"\\.", re.DOTALL)
OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""What a string holds, as far as it goes."""


class Marks(NamedTuple):
    """The marks of one stretch: where each stands in the text, what it is, and the depth of what it belongs to, which
    for brackets is what they enclose. 1 is the depth of what is looked through.
    """

    places: Array
    kinds: Array
    depths: Array


def marks_in(text: bytes, start: int, end: int, shallow: bool = False) -> Iterator[Marks]:
    """The marks of a value that lies from `start` to before `end`, outside strings, stretch by stretch. When `shallow`,
    stretches of numbers that lie deeper are passed over.
    """
    place, depth = start, 0
    while place < end:
        stop = min(place + STRETCH, end)
        if shallow and (deeper := _passed_over(text, place, stop, depth)) is not None:
            place, depth = stop, deeper
            continue
        place, marks, depth = _marked(text, place, stop, end, depth)
        yield marks


def _passed_over(text: bytes, place: int, stop: int, depth: int) -> int | None:
    """The depth behind a stretch of numbers in arrays; None where it may hold something else, or end them."""
    if any(text.find(sign, place, stop) >= 0 for sign in (b'"', b"{", b"}", b":")):
        return None
    closed = text.count(b"]", place, stop)
    return depth + text.count(b"[", place, stop) - closed if depth - closed >= 2 else None


def _marked(text: bytes, place: int, stop: int, end: int, depth: int) -> tuple[int, Marks, int]:
    """Where the next stretch begins, which is in no string, the marks of this one, and the depth behind it."""
    stretch = text[place:stop]
    if b"\\" in stretch:
        stretch = ESCAPED.sub(b"__", stretch)
    signs = np.frombuffer(stretch, np.uint8)
    inside = np.cumsum(signs == QUOTE, dtype=np.uint8) & 1
    kinds = KIND[signs]
    kinds[inside == 1] = 0
    places = np.flatnonzero(kinds)
    kinds = kinds[places]
    steps = STEP[kinds]
    behind = depth + np.cumsum(steps, dtype=np.int32)
    marks = Marks(places + place, kinds, behind + (kinds == CLOSE))
    if len(inside) and inside[-1]:
        stop = _end_of_string(text, place + stretch.rfind(b'"') + 1, end)
    return stop, marks, int(behind[-1]) if len(behind) else depth


def _end_of_string(text: bytes, place: int, end: int) -> int:
    """Behind the closing quote of a string of which the text from `place` on is a part; `end` where it has none."""
    while place < end:
        found = OF_STRING.match(text, place, min(place + STRETCH, end))
        after = found.end() if found else place
        if text[after : after + 1] == b'"' and after < end:
            return after + 1
        if after == place:
            return end
        place = after
    return end
