"""Parser of large JSON in pieces: the GIL is released after each, and numbers are never all Python objects at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from models.errors import LayerscopeError, TooLarge, Unparsable
from models.errors.problem import pointer_to
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
from models.json_text.pauses import free_slowly
from models.json_text.structure import CHUNK_BYTES, COLON, COMMA, marks_in

PIECE = 2 * CHUNK_BYTES
"""Bytes of JSON that are parsed at once."""
MAX_LEVELS = 12
"""Most nested arrays and objects larger than a piece: each is scanned separately."""
SPACE = b" \t\r\n"
"""White space in JSON."""
Span = tuple[int, int]
"""The offsets of a value in the text."""


@dataclass
class PieceReader:
    """Parser of one text. Positions are offsets into the text; errors have pointers into its value."""

    text: bytes
    claim: Claim

    def whole(self, inputs: str | None, bodies: Sequence[str] = ()) -> Any:
        """Parse the text. `inputs` is the member that holds numbers; "" means the whole text is numbers, None that no
        member is. Objects among the members `bodies` are read as the text is.

        Raises:
            orjson.JSONDecodeError: at a syntax error.
            TooLarge, Unparsable: as `read_json`.
        """
        start, end = self._trimmed(0, len(self.text))
        if inputs == "" or (end - start <= PIECE and has_few_items(self.text, start, end)):
            return self._value(start, end, "", numbers=True)
        is_too_long = end - start > MAX_DOCUMENT and not self._contains(b'"%b"' % (inputs or "").encode())
        if inputs is None or is_too_long or self.text[start : start + 1] != b"{":
            check_document_size(end - start)
            check_items(self.text, start, end)
            return self._value(start, end, "", numbers=False)
        return self._body(start, end, inputs, bodies)

    def _contains(self, word: bytes) -> bool:
        starts = range(0, len(self.text), CHUNK_BYTES)
        return any(self.text.find(word, start, start + CHUNK_BYTES + len(word)) >= 0 for start in starts)

    def _body(self, start: int, end: int, inputs: str, bodies: Sequence[str]) -> dict[str, Any]:
        members = self._members(start, end, "")
        inner = {
            name: self._members(*members[name], pointer_to([name])) for name in bodies if self._is_object(members, name)
        }
        flat: dict[tuple[str, ...], Span] = {(name,): span for name, span in members.items() if name not in inner}
        flat |= {(name, key): span for name, group in inner.items() for key, span in group.items()}
        sent = sum(last - first for path, (first, last) in flat.items() if path[-1] == inputs)
        check_document_size(end - start - sent, _largest(flat, inputs))
        items = 0
        for path, span in flat.items():
            if path[-1] != inputs:
                items = check_items(self.text, *span, items, pointer_to(path))
        values = {path: self._value(*span, pointer_to(path), path[-1] == inputs) for path, span in flat.items()}
        return {
            name: {key: values[name, key] for key in inner[name]} if name in inner else values[(name,)]
            for name in members
        }

    def _is_object(self, members: Mapping[str, Span], name: str) -> bool:
        return name in members and self.text[members[name][0] : members[name][0] + 1] == b"{"

    def _value(self, start: int, end: int, pointer: str, numbers: bool, level: int = 0) -> Any:
        """Parse the trimmed `text[start:end]`. With `numbers`, large arrays of numbers become Numbers."""
        bracket = self.text[start : start + 1]
        if end - start <= PIECE or bracket not in (b"[", b"{"):
            return self._small(start, end, pointer)
        if bracket == b"[":
            array = large_numbers_in(self.text, start, end, self.claim, pointer) if numbers else None
            return array if array is not None else self._array(start, end, pointer, numbers, level)
        below, members = self._deeper(level, pointer), self._members(start, end, pointer)
        return {key: self._value(*span, pointer + pointer_to([key]), numbers, below) for key, span in members.items()}

    def _small(self, start: int, end: int, pointer: str, items: int | None = None) -> Any:
        """Parse one piece: a value or, with `items`, a run of array items that so many others precede."""
        check_keys_of_objects(self.text, start, end, pointer)
        self.claim(parsed_bytes(self.text, start, end), end - start, pointer)
        piece = self.text[start:end]
        if items is not None:
            piece, start = b"[%b]" % piece, start - 1
        value = self._parsed(piece, start)
        try:
            check_keys(piece, value)
        except Unparsable as error:
            raise error.under(pointer) if items is None else _shifted(error, pointer, items) from None
        return value

    def _parsed(self, piece: bytes, start: int) -> Any:
        try:
            return orjson.loads(piece)
        except orjson.JSONDecodeError as error:
            raise self._syntax_error(start + error.pos, error.msg if error.doc else None) from None

    def _syntax_error(self, position: int, message: str | None = "unexpected character") -> orjson.JSONDecodeError:
        """Return the syntax error at a position; without a message, the error for text that is not UTF-8."""
        if message is None:
            return orjson.JSONDecodeError("str is not valid UTF-8", "", 0)
        return orjson.JSONDecodeError(message, self.text.decode("latin-1"), position)

    def _members(self, start: int, end: int, pointer: str) -> dict[str, tuple[int, int]]:
        """Find the spans of an object's values, by key.

        Raises:
            TooLarge: there are too many keys.
            Unparsable: a key is there twice.
        """
        members: dict[str, tuple[int, int]] = {}
        self._check_closed(end, b"}")
        commas, colons = [start], []
        for marks in marks_in(self.text, start, end, shallow=True):
            own = marks.depths == 1
            commas += marks.offsets[own & (marks.kinds == COMMA)].tolist()
            colons += marks.offsets[own & (marks.kinds == COLON)].tolist()
            if len(colons) > MAX_KEYS:
                raise too_many_keys(pointer)
        for comma, colon, following in zip(commas, colons, [*commas[1:], end - 1], strict=False):
            key = self._key(comma + 1, colon)
            if key in members:
                repeated = pointer + pointer_to([key[:128]])
                raise Unparsable.at(repeated, "a key stands twice in one object", expected="each key once")
            members[key] = self._trimmed(colon + 1, following)
        if len(commas) != len(colons):
            raise self._syntax_error(end - 1)
        return members

    def _key(self, start: int, colon: int) -> str:
        key = self._parsed(self.text[start:colon], start) if start < colon else None
        if not isinstance(key, str):
            raise self._syntax_error(start)
        return key

    def _array(self, start: int, end: int, pointer: str, numbers: bool, level: int) -> list[Any]:
        """Parse an array of any values, a run of items at a time."""
        array: list[Any] = []
        try:
            for values in self._runs_of_values(start, end, pointer, numbers, level):
                array += values
        except Exception:  # whichever it is
            free_slowly(array)
            raise
        return array

    def _runs_of_values(self, start: int, end: int, pointer: str, numbers: bool, level: int) -> Iterator[list[Any]]:
        """Parse the items within one chunk of text together, a longer one alone."""
        self._check_closed(end, b"]")
        count = 0
        for run in self._item_runs(start, end):
            first, last = self._trimmed(*run)
            bracket = self.text[first : first + 1]
            if first == last:
                raise self._syntax_error(first)
            if last - first <= PIECE or bracket not in (b"[", b"{"):
                values = self._small(first, last, pointer, count)
            else:
                parse = self._array if bracket == b"[" else self._value
                values = [parse(first, last, f"{pointer}/{count}", numbers, self._deeper(level, pointer))]
            yield values
            count += len(values)

    def _item_runs(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield spans of array items: those within one chunk of text together, a longer one alone."""
        first = start + 1
        for marks in marks_in(self.text, start, end, shallow=True):
            commas = marks.offsets[(marks.depths == 1) & (marks.kinds == COMMA)]
            for comma in (commas[:1], commas[1:][-1:]):
                for last in comma.tolist():
                    yield first, last
                    first = last + 1
        yield first, end - 1

    def _deeper(self, level: int, pointer: str) -> int:
        if level == MAX_LEVELS:
            expected = f"at most {MAX_LEVELS} levels of more than {PIECE:,} bytes"
            raise TooLarge.at(pointer, "large arrays nest too deeply", expected=expected, received="more levels")
        return level + 1

    def _check_closed(self, end: int, bracket: bytes) -> None:
        if self.text[end - 1 : end] != bracket:
            raise self._syntax_error(end - 1)

    def _trimmed(self, start: int, end: int) -> tuple[int, int]:
        """Return the span without surrounding white space."""
        while start < end and self.text[start] in SPACE:
            start += 1
        while start < end and self.text[end - 1] in SPACE:
            end -= 1
        return start, end


def _largest(members: Mapping[tuple[str, ...], Span], inputs: str) -> str:
    """Return the pointer to the largest member other than `inputs`."""
    sizes = {path: last - first for path, (first, last) in members.items() if path[-1] != inputs}
    largest = max(sizes, key=lambda path: sizes[path], default=())
    return pointer_to(largest)


def _shifted(error: Unparsable, pointer: str, items: int) -> LayerscopeError:
    """Return the error of a run of array items, its indices shifted by the `items` before them."""
    problems = []
    for problem in error.problems:
        _, index, *rest = problem.pointer.split("/", 2)
        problems.append(replace(problem, pointer="/".join(["", str(int(index) + items), *rest])))
    return Unparsable(error.detail, problems).under(pointer)
