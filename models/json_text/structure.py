"""Scanner for the brackets, commas and colons of JSON, without parsing it, a chunk of text at a time.

The GIL is held for at most one chunk, so that a thread that reads tens of megabytes does not block the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from models.json_text.pauses import let_others_run
from models.tensors.dtypes import Array

CHUNK_BYTES = 256 * 1024
"""Text that is scanned at once."""
OPEN, CLOSE, COMMA, COLON = 1, 2, 4, 8
"""Kinds of structural characters."""
QUOTE = ord('"')
KIND = np.zeros(256, np.uint8)
KIND[list(b"[{")], KIND[list(b"]}")], KIND[ord(",")], KIND[ord(":")] = OPEN, CLOSE, COMMA, COLON
STEP = np.zeros(256, np.int32)
STEP[OPEN], STEP[CLOSE] = 1, -1
ESCAPED = re.compile(rb"\\.", re.DOTALL)
"""An escaped character in a string."""
OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""The content of a string, up to its quote or the end of the text."""


class Marks(NamedTuple):
    """Structural characters of one chunk: offsets in the text, kinds, and depths of the array or object they belong to,
    for brackets the one they enclose. The scanned value itself has depth 1.
    """

    offsets: Array
    kinds: Array
    depths: Array


def marks_in(text: bytes, start: int, end: int, shallow: bool = False) -> Iterator[Marks]:
    """Yield the marks of the value in `text[start:end]`, outside strings, chunk by chunk. With `shallow`, chunks of
    numbers at depths above 1 are skipped.
    """
    position, depth = start, 0
    while position < end:
        stop = min(position + CHUNK_BYTES, end)
        if shallow and (deeper := _depth_after_numbers(text, position, stop, depth)) is not None:
            position, depth = stop, deeper
            continue
        position, marks, depth = _scan(text, position, stop, end, depth)
        yield marks
        if position < end:
            let_others_run()


def _depth_after_numbers(text: bytes, position: int, stop: int, depth: int) -> int | None:
    """Return the depth after a chunk of nested numbers; None where it may hold other values, or return to depth 1."""
    if any(text.find(sign, position, stop) >= 0 for sign in (b'"', b"{", b"}", b":")):
        return None
    closed = text.count(b"]", position, stop)
    return depth + text.count(b"[", position, stop) - closed if depth - closed >= 2 else None


def _scan(text: bytes, position: int, stop: int, end: int, depth: int) -> tuple[int, Marks, int]:
    """Return the start of the next chunk, which is outside strings, the marks of this one, and the depth after it."""
    chunk = text[position:stop]
    if b"\\" in chunk:
        chunk = ESCAPED.sub(b"__", chunk)
    signs = np.frombuffer(chunk, np.uint8)
    in_string = np.cumsum(signs == QUOTE, dtype=np.uint8) & 1
    kinds = KIND[signs]
    kinds[in_string == 1] = 0
    offsets = np.flatnonzero(kinds)
    kinds = kinds[offsets]
    steps = STEP[kinds]
    depths = depth + np.cumsum(steps, dtype=np.int32)
    marks = Marks(offsets + position, kinds, depths + (kinds == CLOSE))
    if len(in_string) and in_string[-1]:
        stop = _end_of_string(text, position + chunk.rfind(b'"') + 1, end)
    return stop, marks, int(depths[-1]) if len(depths) else depth


def _end_of_string(text: bytes, position: int, end: int) -> int:
    """Return the offset after the closing quote of the string that `position` is inside of; `end` where it has none."""
    while position < end:
        match = OF_STRING.match(text, position, min(position + CHUNK_BYTES, end))
        after = match.end() if match else position
        if text[after : after + 1] == b'"' and after < end:
            return after + 1
        if after == position:
            return end
        position = after
    return end
