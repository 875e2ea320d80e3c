"""Duplicate JSON keys are detected from colons alone, with the same results as parsing every pair."""

from __future__ import annotations

import json
from random import Random
from time import process_time
from typing import Any

import pytest

from models.documents.raw_json import read_json
from models.errors import Unparsable
from models.json_text import keys as json_keys

TEXTS: tuple[Any, ...] = ("", ":", "a:b", "\\", "\\u003a", "\\\\u003A:", 'x"', 1, -2.5, True, None)


def pointers(text: str) -> list[str]:
    """Return the pointers of duplicate keys."""
    try:
        read_json(text.encode())
    except Unparsable as error:
        return [problem.pointer for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1, "a": 2}', ["/a"]),
        ('{"a": 1, "\\u0061": 2}', ["/a"]),
        ('{"a": {"b": 1, "b": 2}, "c": [{"d~/": 1, "d~/": 2}]}', ["/c/0/d~0~1", "/a/b"]),
        ('[[1, [2, {"x:y": ":", "x:y": 1}]]]', ["/0/1/1/x:y"]),
        ('{"a": "\\u003a", "a": 1}', ["/a"]),
        ('{"": 1, "": 1, "": 2}', ["/"]),
        ('{"a": "\\u003a:\\\\u003a", "b:": [[1, "c:d"]]}', []),
        ('[1, {"a": {"a": {}}}, {"a": 1}]', []),
        ('"a:b"', []),
    ],
)
def test_duplicate_keys_are_reported(text: str, found: list[str]) -> None:
    """At any depth, with any escapes, and with colons in strings."""
    assert pointers(text) == found


def test_the_problem_contains_the_values() -> None:
    """In order, abbreviated."""
    with pytest.raises(Unparsable) as refused:
        read_json(b'{"units": 3, "units": [1, 2], "units": null}')
    (problem,) = refused.value.problems
    assert (problem.message, problem.received) == ('"units" stands 3 times in one object', "3, then [1, 2], then null")


def random_value(random: Random, depth: int = 0) -> Any:
    """Draw a JSON value, in which an object is a tuple of pairs."""
    kind = random.random()
    if depth > 3 or kind < 0.3:
        return random.choice(TEXTS)
    if kind < 0.6:
        return [random_value(random, depth + 1) for _ in range(random.randrange(4))]
    keys = ("a", "b:", "c", "\\u003a:", "e")
    return tuple((random.choice(keys), random_value(random, depth + 1)) for _ in range(random.randrange(4)))


def serialize(value: Any, random: Random) -> str:
    """Serialize the value, with random characters escaped."""
    match value:
        case tuple():
            return "{" + ", ".join(f"{serialize(key, random)}: {serialize(one, random)}" for key, one in value) + "}"
        case list():
            return "[" + ",".join(serialize(one, random) for one in value) + "]"
        case str():
            escaped = (f"\\u{ord(one):04{random.choice('xX')}}" if random.random() < 0.2 else json.dumps(one)[1:-1]
                       for one in value)  # fmt: skip
            return '"' + "".join(escaped) + '"'
    return json.dumps(value)


def repeats(value: Any) -> bool:
    """Whether an object has a duplicate key."""
    if isinstance(value, tuple):
        return len({key for key, _ in value}) < len(value) or any(repeats(one) for _, one in value)
    return isinstance(value, list) and any(map(repeats, value))


def test_detection_matches_an_exhaustive_search() -> None:
    """For a thousand random values with and without duplicates."""
    random = Random(0)  # noqa: S311 (repeatable)
    for _ in range(1000):
        value = random_value(random)
        text = serialize(value, random)
        assert bool(pointers(text)) == repeats(value), text


def array_text(item: str, count: int) -> str:
    """Build an array of this many items."""
    return "[" + ",".join([item] * count) + "]"


def test_the_search_of_long_texts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are skipped, objects of many keys are searched once, and very long texts get an error without pointer."""
    monkeypatch.setattr(json_keys, "DETAILED_ITEMS", 1000)
    monkeypatch.setattr(json_keys, "DETAILED_ARRAYS", 3000)
    for filling, found in (
        (array_text("[0.25]", 3000), [""]),
        (array_text(array_text("[0.25]", 28), 50), ["/a/b"]),
        (array_text("0.25", 2000), ["/a/b"]),
        (array_text("{}", 1000), [""]),
        ("{" + ", ".join(f'"{number}": 0' for number in range(400)) + ', "7": 1}', ["/a/b", "/inputs/7"]),
    ):
        assert pointers('{"inputs": ' + filling + ', "a": {"b": 1, "b": 2}}') == found, filling[:50]
    deep = "[" * 900 + "1" + "]" * 900
    started = process_time()
    text = '{"d": 1, "d": 2, "x": ' + deep + ', "k": ' + array_text("{}", 1000) + ', "z": "' + "y" * 3_000_000 + '"}'
    assert pointers(text) == ["/d"]
    assert process_time() - started < 2  # searching the whole text for each level takes a minute
