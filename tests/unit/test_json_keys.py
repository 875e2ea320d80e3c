"""Keys that stand twice are found from colons alone, as a reading of every pair finds them."""

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
    """The keys that are pointed at."""
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
def test_keys_that_stand_twice_are_pointed_at(text: str, found: list[str]) -> None:
    """However deep, however they are written, and whatever colons strings have."""
    assert pointers(text) == found


def test_the_refusal_says_what_they_hold() -> None:
    """The values in their order, shortened."""
    with pytest.raises(Unparsable) as refused:
        read_json(b'{"units": 3, "units": [1, 2], "units": null}')
    (problem,) = refused.value.problems
    assert (problem.message, problem.received) == ('"units" stands 3 times in one object', "3, then [1, 2], then null")


def drawn(random: Random, depth: int = 0) -> Any:
    """A JSON value, in which an object is a tuple of pairs."""
    kind = random.random()
    if depth > 3 or kind < 0.3:
        return random.choice(TEXTS)
    if kind < 0.6:
        return [drawn(random, depth + 1) for _ in range(random.randrange(4))]
    keys = ("a", "b:", "c", "\\u003a:", "e")
    return tuple((random.choice(keys), drawn(random, depth + 1)) for _ in range(random.randrange(4)))


def written(value: Any, random: Random) -> str:
    """The value as JSON, in which any character may be written by its number."""
    match value:
        case tuple():
            return "{" + ", ".join(f"{written(key, random)}: {written(one, random)}" for key, one in value) + "}"
        case list():
            return "[" + ",".join(written(one, random) for one in value) + "]"
        case str():
            escaped = (f"\\u{ord(one):04{random.choice('xX')}}" if random.random() < 0.2 else json.dumps(one)[1:-1]
                       for one in value)  # fmt: skip
            return '"' + "".join(escaped) + '"'
    return json.dumps(value)


def repeats(value: Any) -> bool:
    """Whether an object has a key twice."""
    if isinstance(value, tuple):
        return len({key for key, _ in value}) < len(value) or any(repeats(one) for _, one in value)
    return isinstance(value, list) and any(map(repeats, value))


def test_no_repeat_is_missed_and_none_made_up() -> None:
    """On a thousand values that were made with and without."""
    random = Random(0)  # noqa: S311 (repeatable)
    for _ in range(1000):
        value = drawn(random)
        text = written(value, random)
        assert bool(pointers(text)) == repeats(value), text


def listed(item: str, count: int) -> str:
    """An array of as many items."""
    return "[" + ",".join([item] * count) + "]"


def test_long_texts_are_not_searched_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are passed over, and objects of many keys searched once; with much else the refusal points at no key.
    What is long is read member by member.
    """
    monkeypatch.setattr(json_keys, "DETAILED_ITEMS", 1000)
    monkeypatch.setattr(json_keys, "DETAILED_ARRAYS", 3000)
    for filling, found in (
        (listed("[0.25]", 3000), [""]),
        (listed(listed("[0.25]", 28), 50), ["/a/b"]),
        (listed("0.25", 2000), ["/a/b"]),
        (listed("{}", 1000), [""]),
        ("{" + ", ".join(f'"{number}": 0' for number in range(400)) + ', "7": 1}', ["/a/b", "/inputs/7"]),
    ):
        assert pointers('{"inputs": ' + filling + ', "a": {"b": 1, "b": 2}}') == found, filling[:50]
    deep = "[" * 900 + "1" + "]" * 900
    started = process_time()
    text = '{"d": 1, "d": 2, "x": ' + deep + ', "k": ' + listed("{}", 1000) + ', "z": "' + "y" * 3_000_000 + '"}'
    assert pointers(text) == ["/d"]
    assert process_time() - started < 2  # each level looked for in the whole text takes a minute
