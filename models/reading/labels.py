"""Parser of labels.txt: a name on each line, in the order of the units, or after its number, as Teachable Machine
writes it (`0 cat`); or JSON.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import orjson

from models.documents.labels import EXPECTED_LABEL, label_fault, validate_labels
from models.documents.raw_json import read_json
from models.errors import InvalidDocument, TooLarge, Unparsable, shown
from models.files.mistaken_text import text_advice
from models.files.signatures import BOM, JSON, START_BYTES, TEXT, kind_of
from models.json_text.limits import MAX_DOCUMENT, Claim, claim_nothing
from models.limits import MAX_LABEL, MAX_LABELS

POINTER = "/labels"
MAX_BYTES = MAX_DOCUMENT
"""Most bytes of a text of labels: as many as a document with labels may have."""
LINE_BYTES = 160
"""Memory of one line beside its characters, while it is read."""
NUMBERED = re.compile(r"([0-9]{1,9})[ \t]+(.+)", re.DOTALL)
BLANK = " \t"
IN_JSON = 'write the names as JSON, ["…", "…"], which is read as it stands'
EXPECTED = "a name on each line, or its number from 0 before each"


def read_labels(data: bytes, claim: Claim = claim_nothing) -> Any:
    """Return the labels in a text, as a document has them: UTF-8 with or without a byte order mark, lines that end in
    LF, CRLF or CR. Text that begins as JSON and is JSON is that.

    Raises:
        InvalidDocument: pointing at `/labels`, or into the JSON.
        TooLarge: over MAX_BYTES or MAX_LABELS.
    """
    if len(data) > MAX_BYTES:
        raise too_large()
    claim(4 * len(data) + LINE_BYTES * (data.count(b"\n") + data.count(b"\r")), len(data), POINTER)
    text = _decoded(data)
    if text.lstrip()[:1] in ("[", "{"):
        value = _json(text, claim)
        if value is not None:
            return validate_labels(value)
    return _names(_lines(text))


def too_large() -> TooLarge:
    """Return the error for a text over MAX_BYTES."""
    expected, received = f"at most {MAX_BYTES:,} bytes", "more"
    return TooLarge.at(POINTER, "the labels are over their limit", expected=expected, received=received)


def _decoded(data: bytes) -> str:
    try:
        return data.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        kind = kind_of(data[:START_BYTES])
        place = f"byte {data[error.start]:#04x} at offset {error.start:,}"
        received, advice = (kind.name, kind.advice) if kind not in (None, TEXT, JSON) else (place, "save it as UTF-8")
        raise _refusal("the labels are not text in UTF-8", f"UTF-8, {EXPECTED}", received, advice) from None


def _json(text: str, claim: Claim) -> Any:
    """Return the JSON value of a text that begins as one; None if it is none, as a name may begin with a bracket.

    Raises:
        InvalidDocument: it begins as a list or an object of texts, which no name does, and is not JSON.
    """
    try:
        return read_json(text.encode(), claim=claim)
    except orjson.JSONDecodeError as error:
        if not re.match(r"\s*[\[{]\s*\"", text):
            return None
        expected = f"JSON; line {error.lineno}, column {error.colno} is not"
        raise _refusal("the labels begin as JSON, and are not", expected, f"{len(text):,} characters") from None
    except Unparsable as error:
        raise InvalidDocument("", error.under(POINTER).problems) from None
    except TooLarge as error:
        raise error.under(POINTER) from None


def _lines(text: str) -> list[str]:
    """Return the lines without the empty ones at the end, and without space around each."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n").rstrip(BLANK + "\n")
    if not whole:
        raise _refusal("there are no labels", EXPECTED, "nothing")
    if whole.count("\n") >= MAX_LABELS:
        message, received = "there are too many labels", f"{whole.count(chr(10)) + 1:,}"
        raise TooLarge.at(POINTER, message, expected=f"at most {MAX_LABELS:,}", received=received)
    lines = [line.strip(BLANK) for line in whole.split("\n")]
    if len(lines) == 1 and (advice := text_advice(text.encode())) is not None:
        raise _refusal("this is no list of labels", EXPECTED, shown(lines[0]), advice)
    return lines


def _names(lines: list[str]) -> list[str]:
    """Return the names by their numbers, or in the order of the lines where none has a number.

    Raises:
        InvalidDocument: some lines have numbers, or the numbers are not 0, 1, 2, … in any order.
    """
    matches = [NUMBERED.fullmatch(line) for line in lines]
    _check_faults(lines if not all(matches) else [match[2] for match in matches if match is not None])
    if not any(matches):
        return lines
    if not all(matches):
        raise _mixed([match is not None for match in matches])
    numbered = {int(match[1]): match[2] for match in matches if match is not None}
    if numbered.keys() != set(range(len(lines))):
        raise _misnumbered([int(match[1]) for match in matches if match is not None])
    return [numbered[number] for number in range(len(lines))]


def _check_faults(names: list[str]) -> None:
    for number, name in enumerate(names, 1):
        fault = label_fault(name)
        if fault is not None:
            received = f"{len(name):,} characters" if len(name) > MAX_LABEL else shown(name)
            raise _refusal(f"line {number} {fault}", EXPECTED_LABEL, received)


def _mixed(has_number: list[bool]) -> InvalidDocument:
    """Return the refusal of lines of both forms: a number may be one, or part of a name."""
    first = has_number.index(not has_number[0]) + 1
    message = "some lines begin with a number and some do not: it may be the label's index, or part of its name"
    received = f"line 1 {'with' if has_number[0] else 'without'}, line {first} {'without' if has_number[0] else 'with'}"
    return _refusal(message, f"{EXPECTED}, in all lines alike", received, IN_JSON)


def _misnumbered(numbers: list[int]) -> InvalidDocument:
    """Return the refusal of lines whose numbers are no indices; they may be part of the names."""
    count = Counter(numbers)
    repeated = next((number for number in numbers if count[number] > 1), None)
    missing = next((number for number in range(len(numbers)) if number not in count), None)
    received = f"{repeated} twice" if repeated is not None else f"no {missing}"
    message = "the numbers before the labels are not their indices"
    return _refusal(message, f"each of 0 to {len(numbers) - 1:,} once, in any order", received, IN_JSON)


def _refusal(message: str, expected: str, received: str, suggestion: str | None = None) -> InvalidDocument:
    return InvalidDocument.at(POINTER, message, expected=expected, received=received, suggestion=suggestion)
