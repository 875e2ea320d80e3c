"""Texts of labels: what Teachable Machine, editors and programs write, and what can be read in two ways."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import InvalidDocument, Problem, TooLarge
from models.limits import MAX_LABEL, MAX_LABELS
from models.reading.labels import MAX_BYTES, read_labels

PETS = ["cat", "dog", "big fish"]


def refused(data: bytes) -> Problem:
    """Return the problem of a text that is not read."""
    with pytest.raises(InvalidDocument) as caught:
        read_labels(data)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    "text",
    [
        "0 cat\n1 dog\n2 big fish\n",
        "0 cat\r\n1 dog\r\n2 big fish\r\n",
        "\ufeff0 cat\r\n1 dog\r\n2 big fish",
        "2 big fish\n0 cat\n1\tdog\n\n \n\t\n",
        "00 cat\n01 dog\n02  big fish",
        "cat\ndog\nbig fish",
        "  cat \rdog\t\rbig fish\r\r",
        '["cat", "dog", "big fish"]',
        '\ufeff \n["cat",\n "dog", "big fish"]\n',
    ],
)
def test_one_list_in_many_spellings(text: str) -> None:
    """Numbered in any order, plain, JSON; with and without a byte order mark, whatever the line ends."""
    assert read_labels(text.encode()) == PETS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7\n3\n5", ["7", "3", "5"]),
        ("3D print\n2nd\n0x", ["3D print", "2nd", "0x"]),
        ("0 0\n1 1 2", ["0", "1 2"]),
        ("[PAD]\n[MASK]", ["[PAD]", "[MASK]"]),
        ("{x}\ny", ["{x}", "y"]),
        ("crane\ncrane", ["crane", "crane"]),
        ("고양이\nbjörn 🐻\u200d❄️", ["고양이", "björn 🐻\u200d❄️"]),
        ('["2 cats", "dog"]', ["2 cats", "dog"]),
        ('{"a": ["x"], "b": ["y", "z"]}', {"a": ["x"], "b": ["y", "z"]}),
        ("x" * MAX_LABEL, ["x" * MAX_LABEL]),
    ],
)
def test_names_are_kept_as_they_are(text: str, expected: Any) -> None:
    """Digits alone are names, as are brackets; JSON is never numbered; two units may have one name."""
    assert read_labels(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "message", "received"),
    [
        ("0 cat\ndog", "some lines begin with a number", "line 1 with, line 2 without"),
        ("cat\n2 dogs", "some lines begin with a number", "line 1 without, line 2 with"),
        ("0 cat\n1", "some lines begin with a number", "line 1 with, line 2 without"),
        ("1 cat\n2 dog", "the numbers before the labels", "no 0"),
        ("2 cats\n3 dogs", "the numbers before the labels", "no 0"),
        ("0 cat\n2 dog", "the numbers before the labels", "no 1"),
        ("0 cat\n0 dog\n1 fish", "the numbers before the labels", "0 twice"),
        ("999999999999999999999 cat\n0 dog", "some lines begin", "line 1 without, line 2 with"),
    ],
)
def test_two_readings_are_refused(text: str, message: str, received: str) -> None:
    """With JSON as the way out, which has one."""
    problem = refused(text.encode())
    assert problem.pointer == "/labels"
    assert problem.message.startswith(message)
    assert problem.received == received
    assert "as JSON" in str(problem.suggestion)


@pytest.mark.parametrize(
    ("data", "message", "received"),
    [
        (b"", "there are no labels", "nothing"),
        (b"\xef\xbb\xbf\r\n \r\n", "there are no labels", "nothing"),
        (b"a\n\nb", "line 2 is empty", '""'),
        (b"\na", "line 1 is empty", '""'),
        (b"0 a\n\n1 b", "line 2 is empty", '""'),
        ("a\n\u00a0".encode(), "line 2 is empty", '"\\xa0"'),
        (b"a\nb\0", "line 2 has a control character", '"b\\x00"'),
        (b"0 a\n1 b\x1b[31m", "line 2 has a control character", '"b\\x1b[31m"'),
        ("a\u2028b".encode(), "line 1 has a control character", '"a\\u2028b"'),
        (b"a\tb", "line 1 has a control character", '"a\\tb"'),
        (b"x" * (MAX_LABEL + 1), "line 1 is too long", "257 characters"),
        (b"0 a\n1 " + b"x" * 3_000_000, "line 2 is too long", "3,000,000 characters"),
        (b"caf\xe9\n", "the labels are not text in UTF-8", "byte 0xe9 at offset 3"),
        ("cat\n".encode("utf-16"), "the labels are not text in UTF-8", "text in UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\xff", "the labels are not text in UTF-8", "a PNG picture"),
        (b"labels.txt", "this is no list of labels", '"labels.txt"'),
        (b'["a", "b"', "the labels begin as JSON, and are not", "9 characters"),
        (b'{"a": 1', "the labels begin as JSON, and are not", "7 characters"),
    ],
)
def test_faults_name_the_line(data: bytes, message: str, received: str) -> None:
    """And are short, whatever comes."""
    problem = refused(data)
    assert problem.pointer == "/labels"
    assert problem.message.startswith(message)
    assert problem.received == received


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('["a", "b", "c", 4]', "/labels/3"),
        ('["a", null]', "/labels/1"),
        ('["a", ["b"]]', "/labels/1"),
        ('["a", ""]', "/labels/1"),
        ('["a", "\\u0000"]', "/labels/1"),
        ("[]", "/labels"),
        ("{}", "/labels"),
        ("[1, 2]", "/labels/0"),
        ('{"dense": ["a", 2]}', "/labels/dense/1"),
        ('{"dense": "a"}', "/labels/dense"),
        ('{"a": ["x"], "a": ["y"]}', "/labels/a"),
    ],
)
def test_json_is_strict(text: str, pointer: str) -> None:
    """As in a document; the pointer leads to the item."""
    assert refused(text.encode()).pointer == pointer


@pytest.mark.parametrize(
    ("data", "received"),
    [
        (b"x" * (MAX_BYTES + 1), "more"),
        (b"a\n" * 1_000_000, "1,000,000"),
        (b"a\n" * (MAX_LABELS + 1), f"{MAX_LABELS + 1:,}"),
        (b'["a"' + b', "a"' * MAX_LABELS + b"]", "more"),
    ],
)
def test_limits(data: bytes, received: str) -> None:
    """Of bytes and labels, before the text is split."""
    with pytest.raises(TooLarge) as caught:
        read_labels(data)
    assert caught.value.problems[0].pointer == "/labels"
    assert caught.value.problems[0].received == received


def test_the_limit_of_labels_is_reached() -> None:
    """As many as there may be are read."""
    assert len(read_labels(b"a\n" * MAX_LABELS)) == MAX_LABELS
    assert len(read_labels(b"[" + b",".join([b'"a"'] * MAX_LABELS) + b"]")) == MAX_LABELS


def test_memory_is_claimed_before_it_is_taken() -> None:
    """In proportion to the text and its lines."""
    claims: list[tuple[object, ...]] = []
    read_labels(b"a\n" * 1000, lambda *claim: claims.append(claim))
    assert claims == [(4 * 2000 + 160 * 1000, 2000, "/labels")]
