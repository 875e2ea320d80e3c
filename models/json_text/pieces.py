"""Large JSON, read a piece at a time: Python's lock is free after each, and numbers never are objects all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from models.errors import LayerscopeError, Problem, TooLarge, Unparsable
from models.json_text.keys import check_keys
from models.json_text.large_numbers import large_numbers_in
from models.json_text.limits import (
    MAX_DOCUMENT,
    MAX_KEYS,
    Claim,
    check_document_size,
    check_items,
    check_keys_of_objects,
    has_few_items,
    parsed_bytes,
    too_many_keys,
)
from models.json_text.structure import COLON, COMMA, STRETCH, marks_in
from models.problems import pointer_to

PIECE = 2 * STRETCH
"""Bytes of JSON that are parsed at once."""
MAX_LEVELS = 12
"""Most arrays and objects within one another that are larger: each is looked through by itself."""
SPACE = b" \t\r\n"


@dataclass
class PieceReader:
    """Reads one text. Its positions are those of the text, its errors point to where they stand in it."""

    text: bytes
    claim: Claim

    def whole(self, inputs: str | None) -> Any:
        """The value of the text. `inputs` is the member that holds numbers; "" says that the text is that, None that
        there is none.

        Raises:
            orjson.JSONDecodeError: where it stops being JSON.
            TooLarge, Unparsable: as `read_json`.
        """
        start, end = self._trimmed(0, len(self.text))
        if inputs == "" or (end - start <= PIECE and has_few_items(self.text, start, end)):
            return self._value(start, end, "", numbers=True)
        is_too_long = end - start > MAX_DOCUMENT and not self._mentions(b'"%b"' % (inputs or "").encode())
        if inputs is None or is_too_long or self.text[start : start + 1] != b"{":
            check_document_size(end - start)
            check_items(self.text, start, end)
            return self._value(start, end, "", numbers=False)
        return self._body(start, end, inputs)

    def _mentions(self, word: bytes) -> bool:
        places = range(0, len(self.text), STRETCH)
        return any(self.text.find(word, place, place + STRETCH + len(word)) >= 0 for place in places)

    def _body(self, start: int, end: int, inputs: str) -> dict[str, Any]:
        members = self._members(start, end, "")
        named = members.get(inputs, (end, end))
        check_document_size(end - start - (named[1] - named[0]), _largest(members, inputs))
        items = 0
        for name, span in members.items():
            if name != inputs:
                items = check_items(self.text, *span, items, pointer_to([name]))
        return {name: self._value(*span, pointer_to([name]), numbers=name == inputs) for name, span in members.items()}

    def _value(self, start: int, end: int, pointer: str, numbers: bool, level: int = 0) -> Any:
        """What lies from `start` to before `end`, trimmed. With `numbers`, large arrays of them come as Numbers."""
        sign = self.text[start : start + 1]
        if end - start <= PIECE or sign not in (b"[", b"{"):
            return self._small(start, end, pointer)
        if sign == b"[":
            found = large_numbers_in(self.text, start, end, self.claim, pointer) if numbers else None
            return found if found is not None else self._array(start, end, pointer, numbers, level)
        below, members = self._deeper(level, pointer), self._members(start, end, pointer)
        return {key: self._value(*span, pointer + pointer_to([key]), numbers, below) for key, span in members.items()}

    def _small(self, start: int, end: int, pointer: str, items: int | None = None) -> Any:
        """What is parsed in one piece: a value, or items of an array behind so many others."""
        check_keys_of_objects(self.text, start, end, pointer)
        self.claim(parsed_bytes(self.text, start, end), end - start, pointer)
        piece = self.text[start:end]
        if items is not None:
            piece, start = b"[%b]" % piece, start - 1
        value = self._parsed(piece, start)
        try:
            check_keys(piece, value)
        except Unparsable as error:
            raise error.under(pointer) if items is None else _moved(error, pointer, items) from None
        return value

    def _parsed(self, piece: bytes, start: int) -> Any:
        try:
            return orjson.loads(piece)
        except orjson.JSONDecodeError as error:
            raise self._broken(start + error.pos, error.msg if error.doc else None) from None

    def _broken(self, place: int, message: str | None = "unexpected character") -> orjson.JSONDecodeError:
        """The error for text that stops being JSON at a place; without a message, that is not UTF-8."""
        if message is None:
            return orjson.JSONDecodeError("str is not valid UTF-8", "", 0)
        return orjson.JSONDecodeError(message, self.text.decode("latin-1"), place)

    def _members(self, start: int, end: int, pointer: str) -> dict[str, tuple[int, int]]:
        """Where the values of an object lie, by key.

        Raises:
            TooLarge: there are too many.
            Unparsable: one stands twice.
        """
        found: dict[str, tuple[int, int]] = {}
        self._check_closed(end, b"}")
        commas, colons = [start], []
        for marks in marks_in(self.text, start, end, shallow=True):
            own = marks.depths == 1
            commas += marks.places[own & (marks.kinds == COMMA)].tolist()
            colons += marks.places[own & (marks.kinds == COLON)].tolist()
            if len(colons) > MAX_KEYS:
                raise too_many_keys(pointer)
        for comma, colon, following in zip(commas, colons, [*commas[1:], end - 1], strict=False):
            key = self._key(comma + 1, colon)
            if key in found:
                place = pointer + pointer_to([key[:128]])
                raise Unparsable("", [Problem(place, "a key stands twice in one object", "each key once")])
            found[key] = self._trimmed(colon + 1, following)
        if len(commas) != len(colons):
            raise self._broken(end - 1)
        return found

    def _key(self, start: int, colon: int) -> str:
        key = self._parsed(self.text[start:colon], start) if start < colon else None
        if not isinstance(key, str):
            raise self._broken(start)
        return key

    def _array(self, start: int, end: int, pointer: str, numbers: bool, level: int) -> list[Any]:
        """An array of anything, some items at a time."""
        self._check_closed(end, b"]")
        made: list[Any] = []
        for run in self._runs(start, end):
            first, last = self._trimmed(*run)
            sign = self.text[first : first + 1]
            if first == last:
                raise self._broken(first)
            if last - first <= PIECE or sign not in (b"[", b"{"):
                made += self._small(first, last, pointer, len(made))
            elif sign == b"[":
                made.append(self._array(first, last, f"{pointer}/{len(made)}", numbers, self._deeper(level, pointer)))
            else:
                made.append(self._value(first, last, f"{pointer}/{len(made)}", numbers, self._deeper(level, pointer)))
        return made

    def _runs(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Items of an array, those of a stretch of text together, one that is longer alone."""
        first = start + 1
        for marks in marks_in(self.text, start, end, shallow=True):
            commas = marks.places[(marks.depths == 1) & (marks.kinds == COMMA)]
            for comma in (commas[:1], commas[1:][-1:]):
                for last in comma.tolist():
                    yield first, last
                    first = last + 1
        yield first, end - 1

    def _deeper(self, level: int, pointer: str) -> int:
        if level == MAX_LEVELS:
            expected = f"at most {MAX_LEVELS} levels of more than {PIECE:,} bytes"
            raise TooLarge("", [Problem(pointer, "large arrays nest too deeply", expected, "more levels")])
        return level + 1

    def _check_closed(self, end: int, sign: bytes) -> None:
        if self.text[end - 1 : end] != sign:
            raise self._broken(end - 1)

    def _trimmed(self, start: int, end: int) -> tuple[int, int]:
        """The same without white space around it."""
        while start < end and self.text[start] in SPACE:
            start += 1
        while start < end and self.text[end - 1] in SPACE:
            end -= 1
        return start, end


def _largest(members: dict[str, tuple[int, int]], inputs: str) -> str:
    """Where the largest member lies that is none of numbers."""
    sizes = {name: last - first for name, (first, last) in members.items() if name != inputs}
    return pointer_to([max(sizes, key=lambda name: sizes[name])]) if sizes else ""


def _moved(error: Unparsable, pointer: str, items: int) -> LayerscopeError:
    """An error of some items of an array, of which others come before."""
    problems = []
    for problem in error.problems:
        _, index, *rest = problem.pointer.split("/", 2)
        problems.append(replace(problem, pointer="/".join(["", str(int(index) + items), *rest])))
    return Unparsable(error.detail, problems).under(pointer)
